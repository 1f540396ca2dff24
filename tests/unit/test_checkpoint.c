/* Checkpoints: what is written comes back to the bit, and nothing else ever does. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/h5.h"
#include "checkpoints.h"
#include "elbow/store/kind.h"
#include "store/checkpoint_layout.h"

static void check_block(const elbow_params *al, const real *a, const elbow_params *bl, const real *b) {
    assert_int_equal(al->tensor_count, bl->tensor_count);
    for (size_t t = 0; t < al->tensor_count; t++) {
        const elbow_tensor *x = &al->tensors[t], *y = elbow_params_find(bl, x->name);
        assert_non_null(y);
        assert_int_equal(x->dims, y->dims);
        assert_memory_equal(x->shape, y->shape, x->dims * sizeof *x->shape);
        assert_memory_equal(a + x->offset, b + y->offset, x->count * sizeof *a);
    }
}

static void check_table(const elbow_table *a, const elbow_table *b) {
    assert_int_equal(a->columns, b->columns);
    assert_int_equal(a->rows, b->rows);
    for (size_t c = 0; c < a->columns && a->rows; c++)
        assert_memory_equal(a->values[c], b->values[c], a->rows * sizeof(double));
}

/* Everything that a checkpoint says; slots are compared by name. */
static void check_same(const elbow_checkpoint *a, const elbow_checkpoint *b) {
    assert_int_equal(a->step, b->step);
    assert_int_equal(a->epoch, b->epoch);
    assert_int_equal(a->seed, b->seed);
    assert_int_equal(a->shards, b->shards);
    assert_int_equal(a->run_steps, b->run_steps);
    assert_memory_equal(&a->seconds, &b->seconds, sizeof a->seconds);
    assert_memory_equal(&a->best, &b->best, sizeof a->best);
    assert_int_equal(a->best_step, b->best_step);
    assert_string_equal(a->data_checksum, b->data_checksum);
    assert_string_equal(a->facts.build, b->facts.build);
    assert_string_equal(a->facts.instruction_set, b->facts.instruction_set);
    assert_string_equal(a->facts.blas, b->facts.blas);
    assert_string_equal(a->facts.host, b->facts.host);
    assert_int_equal(a->facts.threads, b->facts.threads);
    assert_int_equal(a->facts.ranks, b->facts.ranks);
    assert_int_equal(a->facts.nodes, b->facts.nodes);
    assert_string_equal(a->field, b->field);
    assert_int_equal(a->context != NULL, b->context != NULL);
    if (a->context) assert_string_equal(a->context, b->context);
    assert_string_equal(a->config, b->config);
    check_block(a->layout, a->parameters, b->layout, b->parameters);
    assert_string_equal(a->optimizer, b->optimizer);
    assert_int_equal(a->slots, b->slots);
    for (size_t s = 0, t = 0; s < a->slots; s++, t = 0) {
        while (t < b->slots && strcmp(a->slot_names[s], b->slot_names[t]) != 0) t++;
        assert_true(t < b->slots);
        check_block(a->layout, a->slot_values[s], b->layout, b->slot_values[t]);
    }
    assert_int_equal(a->metrics != NULL, b->metrics != NULL);
    if (!a->metrics) return;
    check_table(&a->metrics->train, &b->metrics->train);
    check_table(&a->metrics->evaluation, &b->metrics->evaluation);
    assert_memory_equal(a->metrics->partial, b->metrics->partial, sizeof a->metrics->partial);
    assert_true(a->metrics->partial_steps == b->metrics->partial_steps);
    assert_true(a->metrics->since_elbo == b->metrics->since_elbo);
    assert_true(a->metrics->since_examples == b->metrics->since_examples);
}

static void round_trip(elbow_checkpoint *c) {
    elbow_checkpoint *read = NULL;
    assert_int_equal(elbow_checkpoint_write(c, path), ELBOW_OK);
    if (elbow_checkpoint_read(&read, path) != ELBOW_OK) fail_msg("%s", elbow_error_message());
    check_same(c, read);
    elbow_checkpoint_destroy(&read);
    assert_null(read);
    elbow_checkpoint_destroy(&c);
}

static void keeps_everything(void **state) {
    (void)state;
    round_trip(make(false));
    round_trip(make(true));
    elbow_checkpoint *c = make(false);
    c->best = INFINITY; /* before the first evaluation */
    c->parameters[3] = (real)NAN;
    c->parameters[4] = (real)-0.0;
    round_trip(c);
    c = make(false); /* an optimizer without state, no metrics, no config */
    for (size_t s = 0; s < c->slots; s++) free(c->slot_values[s]);
    c->slots = 0;
    snprintf(c->optimizer, sizeof c->optimizer, "sgd");
    elbow_metrics_destroy(c->metrics);
    free(c->metrics);
    c->metrics = NULL;
    c->config[0] = '\0';
    free(c->context); /* nothing is given */
    c->context = NULL;
    round_trip(c);
}

static void fields_come_back(void **state) {
    (void)state;
    elbow_checkpoint *c = make(false);
    elbow_field x, given;
    bool is_given = false;
    char digest[ELBOW_HASH_TEXT], seal[ELBOW_HASH_TEXT], other[ELBOW_HASH_TEXT];
    assert_int_equal(elbow_checkpoint_get_field(c, &x, "a.h5"), ELBOW_OK);
    assert_int_equal(x.dimensions, 28 * 27 * 3);
    assert_true(x.kind == ELBOW_IMAGE && x.binary && x.maximum == 255);
    assert_int_equal(elbow_checkpoint_get_context(c, &given, &is_given, "a.h5"), ELBOW_OK);
    assert_true(is_given && given.width == 2);
    /* Both are sealed, and which is which. */
    elbow_checkpoint_hash(c, ELBOW_CHECKPOINT_VERSION, digest, seal);
    char *text = c->field;
    c->field = c->context;
    c->context = text;
    elbow_checkpoint_hash(c, ELBOW_CHECKPOINT_VERSION, digest, other);
    assert_string_not_equal(seal, other);
    free(c->context);
    c->context = NULL;
    assert_int_equal(elbow_checkpoint_get_context(c, &given, &is_given, "a.h5"), ELBOW_OK);
    assert_false(is_given);
    c->field[strlen(c->field) / 2] = '?';
    elbow_field_destroy(&x);
    assert_int_equal(elbow_checkpoint_get_field(c, &x, "a.h5"), ELBOW_FORMAT);
    assert_non_null(strstr(elbow_error_message(), "a.h5: /field"));
    elbow_field_destroy(&given);
    elbow_checkpoint_destroy(&c);
}

static void the_same_writes_the_same_bytes(void **state) {
    (void)state;
    elbow_checkpoint *c = make(false);
    char *first = NULL, *second = NULL;
    size_t first_count, second_count;
    assert_int_equal(elbow_checkpoint_write(c, path), ELBOW_OK);
    assert_int_equal(elbow_file_read(path, SIZE_MAX, &first, &first_count), ELBOW_OK);
    assert_int_equal(elbow_checkpoint_write(c, path), ELBOW_OK);
    assert_int_equal(elbow_file_read(path, SIZE_MAX, &second, &second_count), ELBOW_OK);
    assert_int_equal(first_count, second_count);
    assert_memory_equal(first, second, first_count);
    free(first);
    free(second);
    elbow_checkpoint_destroy(&c);
}

/* ---------------------------------------------------------------------------------------- digests */

static void digest_sees_state_and_nothing_else(void **state) {
    (void)state;
    elbow_checkpoint *a = make(false), *b = make(true);
    char of_a[33], of_b[33];
    elbow_checkpoint_digest(a, of_a);
    elbow_checkpoint_digest(b, of_b);
    assert_string_equal(of_a, of_b); /* whatever the order in memory */
    assert_int_equal(strspn(of_a, "0123456789abcdef"), 32);
    assert_int_equal(strlen(of_a), 32);

    b->seconds = 1;
    b->best = 3;
    b->config[0] = '#';
    snprintf(b->facts.host, sizeof b->facts.host, "elsewhere");
    b->parameters[b->layout->size - 1] = 9; /* a gap behind the last tensor */
    assert_true(b->layout->tensors[TENSORS - 1].offset + b->layout->tensors[TENSORS - 1].count <
                b->layout->size);
    elbow_checkpoint_digest(b, of_b);
    assert_string_equal(of_a, of_b);

#define DIFFERS(change)                                                                                      \
    do {                                                                                                     \
        elbow_checkpoint *d = make(false);                                                                   \
        change;                                                                                              \
        elbow_checkpoint_digest(d, of_b);                                                                    \
        assert_string_not_equal(of_a, of_b);                                                                 \
        elbow_checkpoint_destroy(&d);                                                                        \
    } while (0)
    DIFFERS(d->step++);
    DIFFERS(d->parameters[0] = (real)nextafter((double)d->parameters[0], 2.0) + (real)1e-6);
    DIFFERS(d->slot_values[1][2] = -d->slot_values[1][2]);
    DIFFERS(d->own_layout.tensors[0].shape[0] = 5; d->own_layout.tensors[0].shape[1] = 7);
    DIFFERS(d->own_layout.tensors[1].name[0] = 'f');
    DIFFERS(d->slot_names[0][0] = 'g');
    DIFFERS(d->optimizer[0] = 'A');
    DIFFERS(free(d->slot_values[1]); d->slots = 1);
    DIFFERS(real *x = d->slot_values[0]; d->slot_values[0] = d->slot_values[1]; d->slot_values[1] = x);
    elbow_checkpoint_destroy(&a);
    elbow_checkpoint_destroy(&b);
}

/* ---------------------------------------------------------------------------------------- damage */

/* Every how many bytes a file is damaged: sanitizers make a read slow. */
#if defined(__SANITIZE_ADDRESS__)
enum { STRIDE = 131, DENSE = 48 };
#else
enum { STRIDE = 53, DENSE = 128 };
#endif

/* Reads a file of these bytes. Either the very content of `c`, or a refusal that names the file. */
static bool refused(const elbow_checkpoint *c, const char *bytes, size_t count) {
    elbow_checkpoint *read = NULL;
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
    elbow_status status = elbow_checkpoint_read(&read, path);
    if (status == ELBOW_OK) {
        check_same(c, read);
        elbow_checkpoint_destroy(&read);
        return false;
    }
    assert_null(read);
    assert_true(status == ELBOW_FORMAT || status == ELBOW_IO);
    assert_non_null(strstr(elbow_error_message(), path));
    assert_non_null(strchr(elbow_error_message(), ';'));
    return true;
}

static void refuses_a_file_cut_short(void **state) {
    (void)state;
    elbow_checkpoint *c = make(false);
    char *bytes = NULL;
    size_t count, whole = 0;
    assert_int_equal(elbow_checkpoint_write(c, path), ELBOW_OK);
    assert_int_equal(elbow_file_read(path, SIZE_MAX, &bytes, &count), ELBOW_OK);
    for (size_t length = 0; length < count;
         length += length < DENSE || count - length < DENSE ? 1 : 8 * STRIDE)
        whole += !refused(c, bytes, length);
    assert_true(whole <= 1); /* one cut takes just the seal: a file without one, with all that was in it */
    assert_false(refused(c, bytes, count));
    free(bytes);
    elbow_checkpoint_destroy(&c);
}

static void never_gives_wrong_values(void **state) {
    (void)state;
    static const unsigned char flips[] = {0x01, 0x80, 0xFF, 0x10};
    elbow_checkpoint *c = make(false);
    char *bytes = NULL;
    size_t count, refusals = 0, tries = 0;
    assert_int_equal(elbow_checkpoint_write(c, path), ELBOW_OK);
    assert_int_equal(elbow_file_read(path, SIZE_MAX, &bytes, &count), ELBOW_OK);
    for (size_t i = 0; i < count; i += i < DENSE ? 1 : STRIDE, tries++) {
        char before = bytes[i];
        bytes[i] = (char)(before ^ (char)flips[tries % sizeof flips]);
        refusals += refused(c, bytes, count);
        bytes[i] = before;
    }
    /* a hole, as a file system leaves one after a crash */
    for (size_t i = 0; i + 512 <= count; i += 8 * STRIDE, tries++) {
        char before[512];
        memcpy(before, bytes + i, sizeof before);
        memset(bytes + i, 0, sizeof before);
        refusals += refused(c, bytes, count);
        memcpy(bytes + i, before, sizeof before);
    }
    assert_true(refusals > tries / 4); /* the rest fell on room that HDF5 leaves unused */
    free(bytes);
    elbow_checkpoint_destroy(&c);
}

/* Bytes before the seal (base/h5_seal.c): of a file whose seal is cut off, as other programs do that change one. */
static size_t without_seal(const char *bytes, size_t count) {
    uint64_t size;
    assert_memory_equal(bytes + count - 32, "elbowsum", 8);
    memcpy(&size, bytes + count - 16, sizeof size);
    return (size_t)size;
}

/* One value of one dataset changed where it lies: the message names the dataset; with its seal, the bytes. */
static void names_the_damaged_dataset(void **state) {
    (void)state;
    elbow_checkpoint *c = make(false);
    char *bytes = NULL;
    size_t count, found = 0;
    const elbow_tensor *t = elbow_params_find(c->layout, "decoder.1.weight");
    const real *values = c->slot_values[1] + t->offset;
    assert_int_equal(elbow_checkpoint_write(c, path), ELBOW_OK);
    assert_int_equal(elbow_file_read(path, SIZE_MAX, &bytes, &count), ELBOW_OK);
    for (size_t i = 0; i + t->count * sizeof(real) <= count; i++)
        if (memcmp(bytes + i, values, t->count * sizeof(real)) == 0) {
            bytes[i + 5] ^= 4;
            found++;
        }
    assert_int_equal(found, 1);
    assert_true(refused(c, bytes, count));
    assert_non_null(strstr(elbow_error_message(), "are not those that were written"));
    assert_true(refused(c, bytes, without_seal(bytes, count)));
    assert_non_null(strstr(elbow_error_message(), "/optimizer/adam/second_moment/decoder.1.weight"));
    free(bytes);
    elbow_checkpoint_destroy(&c);
}

/* What a file made with care, checksums and all, may say. */
typedef struct forgery {
    const char *format;
    int64_t version;
    bool no_model, no_slot_tensor, other_shape, two_optimizers, other_step;
    bool sealed; /* as that version is */
} forgery;

/* What forge writes, as a checkpoint: every attribute is 1, or "t". */
static void forged(elbow_checkpoint *c, const real *x) {
    size_t offset;
    const size_t shape[] = {4};
    for (size_t i = 0; i < elbow_run_attribute_count; i++) {
        const elbow_run_attribute *a = &elbow_run_attributes[i];
        const int64_t one = 1;
        const double one_real = 1;
        char *member = (char *)c + a->offset;
        if (a->kind == ELBOW_RUN_TEXT)
            memcpy(member, "t", 2);
        else
            memcpy(member, a->kind == ELBOW_RUN_INTEGER ? (const void *)&one : &one_real, 8);
    }
    c->layout = &c->own_layout;
    assert_int_equal(elbow_params_declare(&c->own_layout, "w", 1, shape, 0.1, &offset), ELBOW_OK);
    c->parameters = calloc(c->layout->size, sizeof(real));
    c->slot_values[0] = calloc(c->layout->size, sizeof(real));
    assert_true(c->parameters && c->slot_values[0]);
    memcpy(c->parameters + offset, x, 4 * sizeof *x);
    memcpy(c->slot_values[0] + offset, x, 4 * sizeof *x);
    c->slots = 1;
    strcpy(c->slot_names[0], "first_moment");
    strcpy(c->optimizer, "adam");
    c->config = strdup("[run]\n");
    c->field = strdup("kind\timage\n");
}

static void forge(const forgery *f) {
    elbow_h5 *file = NULL;
    void *bytes = NULL;
    size_t count;
    real x[4] = {1, 2, 3, 4};
    elbow_h5_type type = sizeof(real) == 8 ? ELBOW_H5_F64 : ELBOW_H5_F32;
    elbow_h5_shape shape = {1, {4}}, other = {2, {2, 2}};
    assert_int_equal(elbow_h5_create_memory(&file, path), ELBOW_OK);
    assert_int_equal(elbow_h5_set_text(file, "/", "format", f->format), ELBOW_OK);
    assert_int_equal(elbow_h5_set_integer(file, "/", "version", f->version), ELBOW_OK);
    assert_int_equal(elbow_h5_group(file, "/run"), ELBOW_OK);
    for (size_t i = 0; i < elbow_run_attribute_count; i++) {
        const elbow_run_attribute *attribute = &elbow_run_attributes[i];
        if (attribute->since > f->version) continue;
        elbow_status status =
            attribute->kind == ELBOW_RUN_INTEGER ? elbow_h5_set_integer(file, "/run", attribute->name, 1)
            : attribute->kind == ELBOW_RUN_REAL  ? elbow_h5_set_real(file, "/run", attribute->name, 1)
                                                 : elbow_h5_set_text(file, "/run", attribute->name, "t");
        assert_int_equal(status, ELBOW_OK);
    }
    assert_int_equal(elbow_h5_set_integer(file, "/run", "step", f->other_step ? 2 : 1), ELBOW_OK);
    char digest[ELBOW_HASH_TEXT], seal[ELBOW_HASH_TEXT] = "00000000000000000000000000000000";
    elbow_checkpoint *c = calloc(1, sizeof *c);
    assert_non_null(c);
    forged(c, x);
    if (f->version < 3) c->lag = 0;
    if (f->sealed) elbow_checkpoint_hash(c, f->version, digest, seal);
    elbow_checkpoint_destroy(&c);
    assert_int_equal(elbow_h5_set_text(file, "/run", "seal", seal), ELBOW_OK);
    if (!f->no_model) assert_int_equal(elbow_h5_write(file, "/model/w", type, shape, 0, 0, x), ELBOW_OK);
    assert_int_equal(elbow_h5_group(file, "/optimizer/adam/first_moment"), ELBOW_OK);
    if (!f->no_slot_tensor)
        assert_int_equal(elbow_h5_write(file, "/optimizer/adam/first_moment/w", type,
                                        f->other_shape ? other : shape, 0, 0, x),
                         ELBOW_OK);
    if (f->two_optimizers) assert_int_equal(elbow_h5_group(file, "/optimizer/sgd"), ELBOW_OK);
    assert_int_equal(elbow_h5_write_text(file, "/config", "[run]\n"), ELBOW_OK);
    assert_int_equal(elbow_h5_write_text(file, "/field", "kind\timage\n"), ELBOW_OK);
    assert_int_equal(elbow_h5_image(file, &bytes, &count), ELBOW_OK);
    assert_int_equal(elbow_h5_close(&file), ELBOW_OK);
    assert_int_equal(elbow_file_replace(path, bytes, count), ELBOW_OK);
    free(bytes);
}

static void says_what_a_file_is_instead(void **state) {
    (void)state;
    static const struct {
        forgery f;
        const char *says;
    } cases[] = {
        {{"elbow-data", 1, 0, 0, 0, 0, 0, 0}, "a data file, not a checkpoint"},
        {{"elbow-metrics", 1, 0, 0, 0, 0, 0, 0}, "a metrics file, not a checkpoint"},
        {{"something", 1, 0, 0, 0, 0, 0, 0}, "\"something\""},
        {{"elbow-checkpoint", 4, 0, 0, 0, 0, 0, 0}, "version 4"},
        {{"elbow-checkpoint", 1, 0, 0, 0, 0, 0, 0},
         "version 1, and this elbow reads version 3; use the elbow that"},
        {{"elbow-checkpoint", -1, 0, 0, 0, 0, 0, 0}, "version -1"},
        {{"elbow-checkpoint", 2, true, 0, 0, 0, 0, 0}, "/model"},
        {{"elbow-checkpoint", 2, 0, true, 0, 0, 0, 0}, "/optimizer/adam/first_moment/w"},
        {{"elbow-checkpoint", 2, 0, 0, true, 0, 0, 0}, "shape"},
        {{"elbow-checkpoint", 2, 0, 0, 0, true, 0, 0}, "2 optimizers"},
        {{"elbow-checkpoint", 2, 0, 0, 0, 0, true, 0}, "seal"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        elbow_checkpoint *read = NULL;
        forge(&cases[i].f);
        assert_int_equal(elbow_checkpoint_read(&read, path), ELBOW_FORMAT);
        assert_non_null(strstr(elbow_error_message(), path));
        if (!strstr(elbow_error_message(), cases[i].says))
            fail_msg("\"%s\" says not \"%s\"", elbow_error_message(), cases[i].says);
    }
    elbow_checkpoint *read = NULL;
    elbow_kind kind;
    assert_int_equal(elbow_checkpoint_read(&read, directory), ELBOW_FORMAT);
    assert_int_equal(elbow_checkpoint_read(&read, "/nonexistent/a.h5"), ELBOW_IO);
    assert_int_equal(elbow_kind_of(directory, &kind), ELBOW_FORMAT);
    assert_int_equal(elbow_kind_of(path, &kind), ELBOW_OK);
    assert_int_equal(kind, ELBOW_KIND_CHECKPOINT);
}

/* Files of before: without health and chain, which are found or unknown. A new file under an old number is refused. */
static void reads_version_2(void **state) {
    (void)state;
    forgery f = {.format = "elbow-checkpoint", .version = 2, .sealed = true};
    elbow_checkpoint *read = NULL;
    forge(&f);
    if (elbow_checkpoint_read(&read, path) != ELBOW_OK) fail_msg("%s", elbow_error_message());
    assert_int_equal(read->healthy, 1);
    assert_int_equal(read->previous_step, -1);
    assert_string_equal(read->previous_digest, "");
    assert_string_equal(read->file, path);
    bool healthy = false;
    assert_int_equal(elbow_checkpoint_glance(path, &healthy), ELBOW_OK);
    assert_true(healthy);
    elbow_checkpoint_destroy(&read);
    f.version = 3;
    forge(&f);
    assert_int_equal(elbow_checkpoint_read(&read, path), ELBOW_OK);
    assert_int_equal(read->previous_step, 1);
    assert_string_equal(read->previous_digest, "t");
    elbow_checkpoint_destroy(&read);
}

static void leaves_nothing_half_written(void **state) {
    (void)state;
    elbow_checkpoint *c = make(false);
    assert_int_equal(elbow_checkpoint_write(c, "/nonexistent/a.h5"), ELBOW_IO);
    assert_non_null(strstr(elbow_error_message(), "/nonexistent/a.h5"));
    elbow_checkpoint_destroy(&c);
}

/* ---------------------------------------------------------------------------------------- mapping */

static void maps_by_name(void **state) {
    (void)state;
    elbow_checkpoint *a = make(false), *b = make(true);
    real *out = malloc(b->layout->size * sizeof *out);
    assert_non_null(out);
    for (size_t i = 0; i < b->layout->size; i++) out[i] = 77;
    assert_int_equal(elbow_checkpoint_map(a->layout, a->parameters, b->layout, out, "a.h5"), ELBOW_OK);
    assert_memory_equal(out, b->parameters, b->layout->size * sizeof *out); /* gaps are zero in both */

    b->own_layout.tensors[1].shape[0]++;
    assert_int_equal(elbow_checkpoint_map(a->layout, a->parameters, b->layout, out, "a.h5"), ELBOW_MISMATCH);
    assert_non_null(strstr(elbow_error_message(), "a.h5"));
    assert_non_null(strstr(elbow_error_message(), b->layout->tensors[1].name));
    assert_non_null(strstr(elbow_error_message(), "2x3x4"));
    b->own_layout.tensors[1].shape[0]--;
    a->own_layout.tensor_count--;
    assert_int_equal(elbow_checkpoint_map(a->layout, a->parameters, b->layout, out, "a.h5"), ELBOW_MISMATCH);
    assert_non_null(strstr(elbow_error_message(), "decoder.1.scale"));
    assert_int_equal(elbow_checkpoint_map(b->layout, b->parameters, a->layout, out, "b.h5"), ELBOW_MISMATCH);
    assert_non_null(strstr(elbow_error_message(), "decoder.1.scale"));
    a->own_layout.tensor_count++;
    assert_memory_equal(out, b->parameters, b->layout->size * sizeof *out); /* refusals change nothing */
    free(out);
    elbow_checkpoint_destroy(&a);
    elbow_checkpoint_destroy(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_everything),
        cmocka_unit_test(fields_come_back),
        cmocka_unit_test(the_same_writes_the_same_bytes),
        cmocka_unit_test(digest_sees_state_and_nothing_else),
        cmocka_unit_test(refuses_a_file_cut_short),
        cmocka_unit_test(never_gives_wrong_values),
        cmocka_unit_test(names_the_damaged_dataset),
        cmocka_unit_test(says_what_a_file_is_instead),
        cmocka_unit_test(reads_version_2),
        cmocka_unit_test(leaves_nothing_half_written),
        cmocka_unit_test(maps_by_name),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
