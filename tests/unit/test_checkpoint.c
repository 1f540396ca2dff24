/* Checkpoints: what is written comes back to the bit, and nothing else ever does. */
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/h5.h"
#include "elbow/store/checkpoint.h"
#include "elbow/store/kind.h"

static char directory[] = "/tmp/elbow-checkpoint-XXXXXX";
static char path[256];

static int set_up(void **state) {
    (void)state;
    if (!mkdtemp(directory)) return -1;
    snprintf(path, sizeof path, "%s/a.h5", directory);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    char command[512];
    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    return system(command);
}

/* ------------------------------------------------------------------------------------ a checkpoint */

static const struct {
    const char *name;
    size_t dims, shape[4];
} tensors[] = {{"encoder.0.weight", 2, {7, 5}},
               {"encoder.0.bias", 1, {7}},
               {"decoder.1.weight", 3, {2, 3, 4}},
               {"decoder.1.scale", 4, {1, 1, 1, 1}}};
enum { TENSORS = sizeof tensors / sizeof *tensors };

static real *block(const elbow_params *layout, double seed) {
    real *values = calloc(layout->size, sizeof *values);
    assert_non_null(values);
    for (size_t t = 0; t < layout->tensor_count; t++) {
        /* by name, so that layouts of another order hold the same */
        double base = seed;
        for (const char *c = layout->tensors[t].name; *c; c++) base = base * 1.01 + *c;
        for (size_t i = 0; i < layout->tensors[t].count; i++)
            values[layout->tensors[t].offset + i] = (real)sin(base + (double)i);
    }
    return values;
}

/* A whole one, its tensors declared in order or in reverse. The caller destroys it. */
static elbow_checkpoint *make(bool reverse) {
    elbow_checkpoint *c = calloc(1, sizeof *c);
    assert_non_null(c);
    *c = (elbow_checkpoint){.step = 1200,
                            .epoch = 2,
                            .seed = INT64_MAX,
                            .shards = 5,
                            .run_steps = 5400,
                            .seconds = 34.1,
                            .best = 104.25,
                            .best_step = 1000,
                            .data_checksum = "0123456789abcdef",
                            .optimizer = "adam",
                            .slots = 2};
    c->facts = (elbow_facts){.build = "elbow 0.1, gcc",
                             .instruction_set = "avx2",
                             .blas = "OpenBLAS Haswell",
                             .host = "",
                             .threads = 1,
                             .ranks = 4,
                             .nodes = 2};
    c->layout = &c->own_layout;
    for (size_t i = 0; i < TENSORS; i++) {
        size_t t = reverse ? TENSORS - 1 - i : i, offset;
        assert_int_equal(elbow_params_declare(&c->own_layout, tensors[t].name, tensors[t].dims,
                                              tensors[t].shape, 0.1, &offset),
                         ELBOW_OK);
    }
    c->parameters = block(c->layout, 1);
    for (size_t s = 0; s < c->slots; s++) {
        size_t slot = reverse ? 1 - s : s;
        snprintf(c->slot_names[s], sizeof c->slot_names[s], "%s_moment", slot ? "second" : "first");
        c->slot_values[s] = block(c->layout, 2.0 + (double)slot);
    }
    c->config = strdup("[run]\nseed = 3\n\n[model]\nencoder = 512 256 ; \xC3\xA9\n");
    c->metrics = calloc(1, sizeof *c->metrics);
    assert_true(c->config && c->metrics);
    assert_int_equal(elbow_metrics_create(c->metrics), ELBOW_OK);
    double row[ELBOW_METRICS_COLUMNS];
    for (size_t r = 0; r < 3; r++) {
        for (size_t i = 0; i < ELBOW_METRICS_COLUMNS; i++) row[i] = (double)(r * 100 + i) / 7;
        assert_int_equal(elbow_table_append(&c->metrics->train, row), ELBOW_OK);
    }
    memcpy(c->metrics->partial, row, c->metrics->train.columns * sizeof *row);
    c->metrics->partial_steps = 13;
    return c;
}

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
    round_trip(c);
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
enum { STRIDE = 23, DENSE = 256 };
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
    size_t count;
    assert_int_equal(elbow_checkpoint_write(c, path), ELBOW_OK);
    assert_int_equal(elbow_file_read(path, SIZE_MAX, &bytes, &count), ELBOW_OK);
    for (size_t length = 0; length < count;
         length += length < DENSE || count - length < DENSE ? 1 : 8 * STRIDE)
        assert_true(refused(c, bytes, length));
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

/* One value of one dataset changed where it lies: the message names the dataset. */
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
    assert_non_null(strstr(elbow_error_message(), "/optimizer/adam/second_moment/decoder.1.weight"));
    free(bytes);
    elbow_checkpoint_destroy(&c);
}

/* What a file made with care, checksums and all, may say. */
typedef struct forgery {
    const char *format;
    int64_t version;
    bool no_model, no_slot_tensor, other_shape, two_optimizers, other_step;
} forgery;

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
    static const char *const integers[] = {"epoch",     "seed",    "shards", "run_steps",
                                           "best_step", "threads", "ranks",  "nodes"};
    static const char *const texts[] = {"data_checksum", "build", "instruction_set", "blas", "host"};
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(elbow_h5_set_integer(file, "/run", integers[i], 1), ELBOW_OK);
    for (size_t i = 0; i < 5; i++) assert_int_equal(elbow_h5_set_text(file, "/run", texts[i], "t"), ELBOW_OK);
    assert_int_equal(elbow_h5_set_real(file, "/run", "seconds", 1), ELBOW_OK);
    assert_int_equal(elbow_h5_set_real(file, "/run", "best", 1), ELBOW_OK);
    assert_int_equal(elbow_h5_set_integer(file, "/run", "step", f->other_step ? 2 : 1), ELBOW_OK);
    assert_int_equal(elbow_h5_set_text(file, "/run", "seal", "00000000000000000000000000000000"), ELBOW_OK);
    if (!f->no_model) assert_int_equal(elbow_h5_write(file, "/model/w", type, shape, 0, 0, x), ELBOW_OK);
    assert_int_equal(elbow_h5_group(file, "/optimizer/adam/first_moment"), ELBOW_OK);
    if (!f->no_slot_tensor)
        assert_int_equal(elbow_h5_write(file, "/optimizer/adam/first_moment/w", type,
                                        f->other_shape ? other : shape, 0, 0, x),
                         ELBOW_OK);
    if (f->two_optimizers) assert_int_equal(elbow_h5_group(file, "/optimizer/sgd"), ELBOW_OK);
    assert_int_equal(elbow_h5_write_text(file, "/config", "[run]\n"), ELBOW_OK);
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
        {{"elbow-data", 1, 0, 0, 0, 0, 0}, "a data file, not a checkpoint"},
        {{"elbow-metrics", 1, 0, 0, 0, 0, 0}, "a metrics file, not a checkpoint"},
        {{"something", 1, 0, 0, 0, 0, 0}, "\"something\""},
        {{"elbow-checkpoint", 2, 0, 0, 0, 0, 0}, "version 2"},
        {{"elbow-checkpoint", -1, 0, 0, 0, 0, 0}, "version -1"},
        {{"elbow-checkpoint", 1, true, 0, 0, 0, 0}, "/model"},
        {{"elbow-checkpoint", 1, 0, true, 0, 0, 0}, "/optimizer/adam/first_moment/w"},
        {{"elbow-checkpoint", 1, 0, 0, true, 0, 0}, "shape"},
        {{"elbow-checkpoint", 1, 0, 0, 0, true, 0}, "2 optimizers"},
        {{"elbow-checkpoint", 1, 0, 0, 0, 0, true}, "seal"},
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

/* ---------------------------------------------------------------------------------- run directories */

static char run[256];

static void make_run(const char *name) {
    char checkpoints[300];
    snprintf(run, sizeof run, "%s/%s", directory, name);
    snprintf(checkpoints, sizeof checkpoints, "%s/checkpoints", run);
    assert_int_equal(elbow_directory_make(checkpoints, true), ELBOW_OK);
}

static void save_step(int64_t step) {
    elbow_checkpoint *c = make(false);
    char *file = NULL;
    c->step = step;
    assert_int_equal(elbow_checkpoint_path(run, step, &file), ELBOW_OK);
    assert_int_equal(elbow_checkpoint_write(c, file), ELBOW_OK);
    free(file);
    elbow_checkpoint_destroy(&c);
}

static void touch(const char *name, double age_seconds) {
    char file[512];
    snprintf(file, sizeof file, "%s/%s", run, name);
    FILE *f = fopen(file, "wb");
    assert_non_null(f);
    fputs("left", f);
    fclose(f);
    time_t then = time(NULL) - (time_t)age_seconds;
    struct utimbuf times = {then, then};
    assert_int_equal(utime(file, &times), 0);
}

static bool is_there(const char *name) {
    char file[512];
    snprintf(file, sizeof file, "%s/%s", run, name);
    return access(file, F_OK) == 0;
}

static void resolves_to(const char *what, const char *suffix) {
    char *file = NULL;
    if (elbow_checkpoint_resolve(what, &file) != ELBOW_OK) fail_msg("%s", elbow_error_message());
    size_t length = strlen(file), tail = strlen(suffix);
    assert_true(length >= tail);
    assert_string_equal(file + length - tail, suffix);
    assert_int_equal(access(file, R_OK), 0);
    free(file);
}

static void takes_the_newest_good_one(void **state) {
    (void)state;
    char name[600], *file = NULL;
    make_run("newest");
    assert_int_equal(elbow_checkpoint_resolve(run, &file), ELBOW_IO);
    assert_non_null(strstr(elbow_error_message(), "no checkpoint"));
    save_step(9);
    save_step(10);
    save_step(1234567890123); /* longer than the padding: numbers, not names, are compared */
    touch("checkpoints/step-99.h5", 0);
    touch("checkpoints/step-000000099.h5.bak", 0);
    touch("checkpoints/step-.h5", 0);
    resolves_to(run, "/checkpoints/step-1234567890123.h5");
    snprintf(name, sizeof name, "%s///", run);
    resolves_to(name, "checkpoints/step-1234567890123.h5");
    snprintf(name, sizeof name, "%s/checkpoints/", run);
    resolves_to(name, "checkpoints/step-1234567890123.h5");
    snprintf(name, sizeof name, "%s/link", directory);
    assert_int_equal(symlink(run, name), 0);
    resolves_to(name, "checkpoints/step-1234567890123.h5");
    snprintf(name, sizeof name, "%s/checkpoints/step-000000009.h5", run);
    resolves_to(name, "checkpoints/step-000000009.h5");

    touch("checkpoints/step-1234567890123.h5", 0); /* damaged */
    resolves_to(run, "checkpoints/step-000000010.h5");
    touch("checkpoints/step-000000010.h5", 0);
    resolves_to(run, "checkpoints/step-000000009.h5");
    touch("checkpoints/step-000000009.h5", 0);
    assert_int_equal(elbow_checkpoint_resolve(run, &file), ELBOW_IO);
    assert_non_null(strstr(elbow_error_message(), "none of 3"));
    assert_null(file);
    assert_int_equal(elbow_checkpoint_resolve("/nonexistent/run", &file), ELBOW_IO);
}

static void prunes_only_what_is_its_own(void **state) {
    (void)state;
    char name[128];
    make_run("prune");
    pid_t dead = fork();
    if (dead == 0) _exit(0);
    assert_int_equal(waitpid(dead, NULL, 0), dead);
    for (int64_t step = 1; step <= 5; step++) save_step(step * 100);
    const char *kept[] = {"checkpoints/best.h5",
                          "checkpoints/step-1.h5",
                          "checkpoints/step-000000001.h5.bak",
                          "checkpoints/mine.tmp-1",
                          "config.ini",
                          ".hidden",
                          ".tmp-1",
                          ".a.tmp-",
                          ".a.tmp-1x"};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) touch(kept[i], 1e7);
    snprintf(name, sizeof name, "checkpoints/.step-000000600.h5.tmp-%ld", (long)getpid());
    touch(name, 60);                                      /* being written by this very process */
    touch("checkpoints/.step-000000601.h5.tmp-1", 60);    /* by another that lives */
    touch("checkpoints/.step-000000602.h5.tmp-1", 90000); /* the number is in use, but not for a day */
    char left[2][128];
    snprintf(left[0], sizeof left[0], "checkpoints/.step-000000300.h5.tmp-%ld", (long)dead);
    snprintf(left[1], sizeof left[1], ".metrics.h5.tmp-%ld", (long)dead);
    touch(left[0], 0);
    touch(left[1], 0);

    assert_int_equal(elbow_checkpoint_prune(run, 0), ELBOW_USAGE);
    assert_int_equal(elbow_checkpoint_prune(run, 2), ELBOW_OK);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) assert_true(is_there(kept[i]));
    assert_true(is_there(name));
    assert_true(is_there("checkpoints/.step-000000601.h5.tmp-1"));
    assert_false(is_there("checkpoints/.step-000000602.h5.tmp-1"));
    assert_false(is_there(left[0]));
    assert_false(is_there(left[1]));
    assert_true(is_there("checkpoints/step-000000500.h5"));
    assert_true(is_there("checkpoints/step-000000400.h5"));
    assert_false(is_there("checkpoints/step-000000300.h5"));
    assert_false(is_there("checkpoints/step-000000100.h5"));
    assert_int_equal(elbow_checkpoint_prune(run, 100), ELBOW_OK);
    assert_true(is_there("checkpoints/step-000000400.h5"));
    assert_int_equal(elbow_checkpoint_prune("/nonexistent/run", 2), ELBOW_OK);
}

static void best_outlives_its_step(void **state) {
    (void)state;
    char *file = NULL, best[600];
    make_run("best");
    snprintf(best, sizeof best, "%s/checkpoints/best.h5", run);
    for (int64_t step = 1; step <= 3; step++) save_step(step);
    for (int again = 0; again < 2; again++) /* the second time it is the same file already */
        for (int64_t step = 1; step <= 2; step++) {
            assert_int_equal(elbow_checkpoint_path(run, step, &file), ELBOW_OK);
            assert_int_equal(elbow_checkpoint_mark_best(run, file), ELBOW_OK);
            assert_int_equal(elbow_checkpoint_mark_best(run, file), ELBOW_OK);
            struct stat of_best, of_file;
            assert_int_equal(stat(best, &of_best), 0);
            assert_int_equal(stat(file, &of_file), 0);
            assert_int_equal(of_best.st_ino, of_file.st_ino);
            free(file);
        }
    assert_int_equal(elbow_checkpoint_prune(run, 1), ELBOW_OK);
    elbow_checkpoint *c = NULL;
    assert_int_equal(elbow_checkpoint_read(&c, best), ELBOW_OK);
    assert_int_equal(c->step, 2);
    elbow_checkpoint_destroy(&c);
    assert_int_equal(elbow_checkpoint_mark_best(run, "/nonexistent/step-000000001.h5"), ELBOW_IO);

    snprintf(best, sizeof best, "%s/checkpoints", run);
    DIR *list = opendir(best);
    assert_non_null(list);
    for (struct dirent *entry; (entry = readdir(list));) assert_null(strstr(entry->d_name, ".tmp-"));
    closedir(list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_everything),
        cmocka_unit_test(the_same_writes_the_same_bytes),
        cmocka_unit_test(digest_sees_state_and_nothing_else),
        cmocka_unit_test(refuses_a_file_cut_short),
        cmocka_unit_test(never_gives_wrong_values),
        cmocka_unit_test(names_the_damaged_dataset),
        cmocka_unit_test(says_what_a_file_is_instead),
        cmocka_unit_test(leaves_nothing_half_written),
        cmocka_unit_test(maps_by_name),
        cmocka_unit_test(takes_the_newest_good_one),
        cmocka_unit_test(prunes_only_what_is_its_own),
        cmocka_unit_test(best_outlives_its_step),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
