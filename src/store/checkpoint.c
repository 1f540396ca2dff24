#include "elbow/store/checkpoint.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/file.h"
#include "store/checkpoint_layout.h"
#include "store/formats.h"
#include "store/metrics_h5.h"

#define MEMBER(member) offsetof(elbow_checkpoint, member)
#define ROOM(member)   sizeof(((elbow_checkpoint *)NULL)->member)
#define INTEGER(name, member)                                                                                \
    { name, ELBOW_RUN_INTEGER, MEMBER(member), 0, 0 }
#define REAL(name, member)                                                                                   \
    { name, ELBOW_RUN_REAL, MEMBER(member), 0, 0 }
#define TEXT(name, member)                                                                                   \
    { name, ELBOW_RUN_TEXT, MEMBER(member), ROOM(member), 0 }

const elbow_run_attribute elbow_run_attributes[] = {
    INTEGER("step", step),
    INTEGER("epoch", epoch),
    INTEGER("seed", seed),
    INTEGER("shards", shards),
    INTEGER("run_steps", run_steps),
    REAL("seconds", seconds),
    REAL("best", best),
    INTEGER("best_step", best_step),
    TEXT("data_checksum", data_checksum),
    TEXT("build", facts.build),
    TEXT("instruction_set", facts.instruction_set),
    TEXT("blas", facts.blas),
    TEXT("host", facts.host),
    INTEGER("threads", facts.threads),
    INTEGER("ranks", facts.ranks),
    INTEGER("nodes", facts.nodes),
    {"healthy", ELBOW_RUN_INTEGER, MEMBER(healthy), 0, 3},
    {"previous_step", ELBOW_RUN_INTEGER, MEMBER(previous_step), 0, 3},
    {"lag", ELBOW_RUN_INTEGER, MEMBER(lag), 0, 3},
    {"previous_digest", ELBOW_RUN_TEXT, MEMBER(previous_digest), ROOM(previous_digest), 3},
};
const size_t elbow_run_attribute_count = sizeof elbow_run_attributes / sizeof *elbow_run_attributes;

void elbow_checkpoint_slot_path(char path[ELBOW_CHECKPOINT_PATH], const char *optimizer, const char *slot) {
    snprintf(path, ELBOW_CHECKPOINT_PATH, "/optimizer/%.32s/%.32s", optimizer, slot);
}

static elbow_status write_large(elbow_h5 *file, const char *path, elbow_h5_shape shape, size_t row,
                                const real *values) {
    XXH64_state_t hash;
    size_t rows = shape.size[0], most = elbow_checkpoint_piece(row);
    XXH64_reset(&hash, 0);
    ELBOW_TRY(elbow_h5_create_rows(file, path, ELBOW_H5_REAL, shape, 0, 0));
    for (size_t first = 0; first < rows; first += most) {
        const real *piece = values + first * row;
        size_t count = rows - first < most ? rows - first : most;
        XXH64_update(&hash, piece, count * row * sizeof *piece);
        ELBOW_TRY(elbow_h5_write_rows(file, path, ELBOW_H5_REAL, first, count, piece));
    }
    return elbow_h5_set_checksum(file, path, XXH64_digest(&hash));
}

static elbow_status write_tensors(elbow_h5 *file, const char *group, const elbow_params *layout,
                                  const real *values) {
    ELBOW_TRY(elbow_h5_group(file, group));
    for (size_t i = 0; i < layout->tensor_count; i++) {
        const elbow_tensor *t = &layout->tensors[i];
        char path[ELBOW_CHECKPOINT_PATH];
        elbow_h5_shape shape = {.dims = t->dims};
        memcpy(shape.size, t->shape, t->dims * sizeof *t->shape);
        snprintf(path, sizeof path, "%s/%s", group, t->name);
        if (t->count * sizeof(real) <= ELBOW_CHECKPOINT_PIECE)
            ELBOW_TRY(elbow_h5_write(file, path, ELBOW_H5_REAL, shape, 0, 0, values + t->offset));
        else
            ELBOW_TRY(write_large(file, path, shape, t->count / shape.size[0], values + t->offset));
    }
    return ELBOW_OK;
}

static elbow_status write_optimizer(elbow_h5 *file, const elbow_checkpoint *c) {
    char path[ELBOW_CHECKPOINT_PATH];
    snprintf(path, sizeof path, "/optimizer/%s", c->optimizer);
    ELBOW_TRY(elbow_h5_group(file, path)); /* an optimizer without slots is still named */
    for (size_t s = 0; s < c->slots; s++) {
        elbow_checkpoint_slot_path(path, c->optimizer, c->slot_names[s]);
        ELBOW_TRY(write_tensors(file, path, c->layout, c->slot_values[s]));
    }
    return ELBOW_OK;
}

static elbow_status write_run(elbow_h5 *file, const elbow_checkpoint *c, const char *digest,
                              const char *seal) {
    ELBOW_TRY(elbow_h5_group(file, "/run"));
    for (size_t i = 0; i < elbow_run_attribute_count; i++) {
        const elbow_run_attribute *a = &elbow_run_attributes[i];
        const char *member = (const char *)c + a->offset;
        int64_t integer;
        double number;
        switch (a->kind) {
        case ELBOW_RUN_INTEGER:
            memcpy(&integer, member, sizeof integer);
            ELBOW_TRY(elbow_h5_set_integer(file, "/run", a->name, integer));
            break;
        case ELBOW_RUN_REAL:
            memcpy(&number, member, sizeof number);
            ELBOW_TRY(elbow_h5_set_real(file, "/run", a->name, number));
            break;
        case ELBOW_RUN_TEXT:
            ELBOW_TRY(elbow_h5_set_text(file, "/run", a->name, member));
            break;
        }
    }
    ELBOW_TRY(elbow_h5_set_text(file, "/run", "digest", digest));
    return elbow_h5_set_text(file, "/run", "seal", seal);
}

/* Tests need the moment in which a checkpoint is half-written to last. */
static void wait_for_tests(void) {
    const char *seconds = getenv("ELBOW_TEST_WRITE_SECONDS");
    double wait = seconds ? strtod(seconds, NULL) : 0;
    if (!(wait > 0 && wait < 1e6)) return;
    struct timespec left = {(time_t)wait, (long)((wait - floor(wait)) * 1e9)};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}

static elbow_status write_all(elbow_h5 *file, const elbow_checkpoint *c, const char *digest,
                              const char *seal) {
    ELBOW_TRY(write_tensors(file, "/model", c->layout, c->parameters));
    wait_for_tests();
    ELBOW_TRY(write_optimizer(file, c));
    ELBOW_TRY(write_run(file, c, digest, seal));
    ELBOW_TRY(elbow_h5_write_text(file, "/config", c->config ? c->config : ""));
    ELBOW_TRY(elbow_h5_write_text(file, "/field", c->field ? c->field : ""));
    if (c->context) ELBOW_TRY(elbow_h5_write_text(file, "/context", c->context));
    if (!c->metrics) return ELBOW_OK;
    ELBOW_TRY(elbow_metrics_put(c->metrics, file, "/metrics"));
    return elbow_metrics_put_partial(c->metrics, file, "/metrics/partial");
}

/* Tests need a disk that returns what it was not given. */
static void flip_for_tests(const char *temporary, int64_t step) {
    const char *wanted = getenv("ELBOW_TEST_WRITE_FLIP");
    FILE *file = wanted && strtoll(wanted, NULL, 10) == step ? fopen(temporary, "r+b") : NULL;
    if (file == NULL) return;
    fseek(file, 0, SEEK_END);
    long middle = ftell(file) / 2;
    fseek(file, middle, SEEK_SET);
    int byte = fgetc(file);
    fseek(file, middle, SEEK_SET);
    fputc(byte ^ 16, file);
    fclose(file);
}

/* Whether the disk has it. A difference of any kind is one of writing, whatever it looks like on reading. */
static elbow_status read_back(const elbow_checkpoint *c, const char *seal, const char *temporary,
                              const char *path) {
    ELBOW_TRY(elbow_file_settle(temporary, path));
    elbow_status status = elbow_checkpoint_read_back(c, seal, temporary);
    if (status == ELBOW_OK || status == ELBOW_MEMORY) return status;
    char reason[1024];
    snprintf(reason, sizeof reason, "%s", elbow_error_message());
    return elbow_fail(
        ELBOW_IO,
        "%s: what was read back is not what was written (%s); check the disk, its cables and the machine's "
        "memory, or write elsewhere",
        path, reason);
}

elbow_status elbow_checkpoint_save(const elbow_checkpoint *checkpoint, const char *path, bool verify,
                                   elbow_written *written) {
    elbow_h5 *file = NULL;
    char temporary[PATH_MAX], seal[ELBOW_HASH_TEXT];
    elbow_checkpoint all = *checkpoint;
    *written = (elbow_written){0};
    written->healthy = elbow_checkpoint_is_finite(checkpoint, written->unhealthy);
    all.healthy = written->healthy;
    elbow_checkpoint_hash(&all, ELBOW_CHECKPOINT_VERSION, written->digest, seal);
    ELBOW_TRY(elbow_stored_begin(&file, temporary, path, ELBOW_KIND_CHECKPOINT));
    elbow_status status = elbow_stored_finish(&file, temporary, write_all(file, &all, written->digest, seal));
    if (status == ELBOW_OK) flip_for_tests(temporary, all.step);
    if (status == ELBOW_OK && verify) {
        status = read_back(&all, seal, temporary, path);
        if (status != ELBOW_OK) unlink(temporary);
    }
    return status == ELBOW_OK ? elbow_file_commit(temporary, path) : status;
}

elbow_status elbow_checkpoint_write(const elbow_checkpoint *checkpoint, const char *path) {
    elbow_written written;
    return elbow_checkpoint_save(checkpoint, path, false, &written);
}

/* "256x784", for messages. */
static const char *shape_text(char text[96], const elbow_tensor *t) {
    size_t length = 0;
    text[0] = '\0';
    for (size_t d = 0; d < t->dims; d++)
        length += (size_t)snprintf(text + length, 96 - length, "%s%zu", d ? "x" : "", t->shape[d]);
    return text;
}

static bool same_shape(const elbow_tensor *a, const elbow_tensor *b) {
    return a->dims == b->dims && memcmp(a->shape, b->shape, a->dims * sizeof *a->shape) == 0;
}

static bool is_loose(const elbow_tensor *tensor, const char *loose) {
    return loose != NULL && strncmp(tensor->name, loose, strlen(loose)) == 0;
}

/* The tensor of that name and shape, or NULL. */
static const elbow_tensor *find_match(const elbow_params *from, const elbow_tensor *want) {
    const elbow_tensor *have = elbow_params_find(from, want->name);
    return have && same_shape(have, want) ? have : NULL;
}

static elbow_status check_tensors(const elbow_params *from, const elbow_params *to, const char *loose,
                                  const char *subject) {
    for (size_t i = 0; i < to->tensor_count; i++) {
        const elbow_tensor *want = &to->tensors[i], *have = elbow_params_find(from, want->name);
        char have_shape[96], want_shape[96];
        if (is_loose(want, loose)) continue;
        ELBOW_CHECK(have, ELBOW_MISMATCH,
                    "%s: no tensor %s, which this model has; use the config that it was trained with "
                    "(`elbow info --config`)",
                    subject, want->name);
        ELBOW_CHECK(same_shape(have, want), ELBOW_MISMATCH,
                    "%s: tensor %s is %s and this model's is %s; use the config that it was trained with "
                    "(`elbow info --config`)",
                    subject, want->name, shape_text(have_shape, have), shape_text(want_shape, want));
    }
    for (size_t i = 0; i < from->tensor_count; i++)
        ELBOW_CHECK(is_loose(&from->tensors[i], loose) || elbow_params_find(to, from->tensors[i].name),
                    ELBOW_MISMATCH,
                    "%s: tensor %s, which this model has not; use the config that it was trained with "
                    "(`elbow info --config`)",
                    subject, from->tensors[i].name);
    return ELBOW_OK;
}

/* Those that match; returns how many do not. */
static size_t copy_tensors(const elbow_params *from, const real *values, const elbow_params *to, real *out) {
    size_t unmatched = 0;
    for (size_t i = 0; i < to->tensor_count; i++) {
        const elbow_tensor *want = &to->tensors[i], *have = find_match(from, want);
        if (have)
            memcpy(out + want->offset, values + have->offset, want->count * sizeof *out);
        else
            unmatched++;
    }
    return unmatched;
}

elbow_status elbow_checkpoint_map(const elbow_params *from, const real *values, const elbow_params *to,
                                  real *out, const char *subject) {
    ELBOW_TRY(check_tensors(from, to, NULL, subject));
    memset(out, 0, to->size * sizeof *out); /* the gaps between tensors are zero */
    copy_tensors(from, values, to, out);
    return ELBOW_OK;
}

elbow_status elbow_checkpoint_map_over(const elbow_params *from, const real *values, const elbow_params *to,
                                       const char *loose, real *out, size_t *kept, size_t *dropped,
                                       const char *subject) {
    *kept = *dropped = 0;
    ELBOW_TRY(check_tensors(from, to, loose, subject));
    *kept = copy_tensors(from, values, to, out);
    for (size_t i = 0; i < from->tensor_count; i++) *dropped += find_match(to, &from->tensors[i]) == NULL;
    return ELBOW_OK;
}

static elbow_status describe(const elbow_field *field, char **text) {
    char *made = NULL;
    if (field != NULL) ELBOW_TRY(elbow_field_describe(field, &made));
    free(*text);
    *text = made;
    return ELBOW_OK;
}

elbow_status elbow_checkpoint_put_fields(elbow_checkpoint *checkpoint, const elbow_field *x,
                                         const elbow_field *context) {
    ELBOW_TRY(describe(x, &checkpoint->field));
    return describe(context, &checkpoint->context);
}

elbow_status elbow_checkpoint_get_field(const elbow_checkpoint *checkpoint, elbow_field *x,
                                        const char *subject) {
    char name[1024];
    snprintf(name, sizeof name, "%.1000s: /field", subject);
    return elbow_field_parse(x, checkpoint->field ? checkpoint->field : "", name);
}

elbow_status elbow_checkpoint_get_context(const elbow_checkpoint *checkpoint, elbow_field *context,
                                          bool *given, const char *subject) {
    char name[1024];
    *context = (elbow_field){.kind = ELBOW_IMAGE};
    *given = checkpoint->context != NULL;
    if (!*given) return ELBOW_OK;
    snprintf(name, sizeof name, "%.1000s: /context", subject);
    return elbow_field_parse(context, checkpoint->context, name);
}
