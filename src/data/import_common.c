#include "data/import_common.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elbow/base/log.h"
#include "elbow/base/random.h"

enum { ROWS_NAMED = 5 };

/* -------------------------------------------------------------------------------------- bad rows */

elbow_status elbow_bad_row(elbow_bad_rows *bad, const char *path, size_t line, const char *format, ...) {
    char problem[512], place[32] = "";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(problem, sizeof problem, format, arguments);
    va_end(arguments);
    if (line > 0) snprintf(place, sizeof place, ":%zu", line);
    if (bad->count == 0) snprintf(bad->first, sizeof bad->first, "%.1000s%s: %s", path, place, problem);
    if (bad->count < ROWS_NAMED && !bad->quiet) elbow_warn("%s%s: %s", path, place, problem);
    bad->count++;
    return ELBOW_OK;
}

elbow_status elbow_bad_rows_end(const elbow_bad_rows *bad) {
    if (bad->count == 0) return ELBOW_OK;
    const char *more = bad->count == 1 ? "" : "s";
    ELBOW_CHECK(bad->skip, ELBOW_FORMAT,
                "%s (%zu bad row%s in all); correct %s, or leave %s out by --skip-bad", bad->first,
                bad->count, more, bad->count == 1 ? "it" : "them", bad->count == 1 ? "it" : "them");
    if (!bad->quiet) elbow_notice("%zu bad row%s left out; the first: %s", bad->count, more, bad->first);
    return ELBOW_OK;
}

/* --------------------------------------------------------------------------------------------- cut */

typedef struct keyed {
    uint64_t key;
    size_t example;
} keyed;

static int compare_keys(const void *a, const void *b) {
    const keyed *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return (x->example > y->example) - (x->example < y->example);
}

/* round(N · fraction), at least one where the fraction is not 0. */
static size_t share(size_t count, double fraction) {
    size_t part = (size_t)llround((double)count * fraction);
    return part == 0 && fraction > 0 ? 1 : part;
}

elbow_status elbow_import_cut(uint8_t *split_of, size_t count, const double fractions[ELBOW_SPLITS],
                              uint64_t seed, size_t counts[ELBOW_SPLITS], const char *subject) {
    size_t test = share(count, fractions[ELBOW_TEST]), valid = share(count, fractions[ELBOW_VALID]);
    ELBOW_CHECK(test + valid < count, ELBOW_FORMAT,
                "%s: %zu example%s cannot be cut into splits; give more, or give the splits", subject, count,
                count == 1 ? "" : "s");
    keyed *order = malloc(count * sizeof *order);
    ELBOW_CHECK(order != NULL, ELBOW_MEMORY, "%s: no memory to cut %zu examples", subject, count);
    elbow_stream stream = elbow_stream_make(seed, ELBOW_SHARD_NONE, "import.split");
    for (size_t e = 0; e < count; e++) {
        uint32_t words[4];
        elbow_stream_block(stream, 0, (uint32_t)e, (uint64_t)e >> 32, words);
        order[e] = (keyed){(uint64_t)words[0] | (uint64_t)words[1] << 32, e};
    }
    qsort(order, count, sizeof *order, compare_keys);
    for (size_t i = 0; i < count; i++)
        split_of[order[i].example] = (uint8_t)(i < test           ? ELBOW_TEST
                                               : i < test + valid ? ELBOW_VALID
                                                                  : ELBOW_TRAIN);
    counts[ELBOW_TEST] = test;
    counts[ELBOW_VALID] = valid;
    counts[ELBOW_TRAIN] = count - test - valid;
    free(order);
    return ELBOW_OK;
}

/* ------------------------------------------------------------------------------------------- plans */

void elbow_plan_begin(elbow_plan *plan, const elbow_import_request *request) {
    *plan = (elbow_plan){.request = request, .bad = {.skip = request->skip_bad}};
}

void elbow_plan_end(elbow_plan *plan) {
    free(plan->of);
    plan->of = NULL;
}

static const char *input_of(const elbow_import_request *request, elbow_split split) {
    if (request->input == NULL) return request->inputs[split];
    return split == ELBOW_TRAIN ? request->input : NULL;
}

/* After the first pass. */
static elbow_status finish_learning(elbow_plan *plan) {
    const elbow_import_request *request = plan->request;
    ELBOW_TRY(elbow_bad_rows_end(&plan->bad));
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++) {
        const char *path = input_of(request, split);
        ELBOW_CHECK(path == NULL || plan->read[split] > 0, ELBOW_FORMAT,
                    "%s: no example in it; give another file, or leave the split out", path);
        plan->found[split] = plan->count[split] = plan->read[split];
    }
    if (request->input == NULL) return ELBOW_OK;
    plan->of = malloc(plan->read[ELBOW_TRAIN]);
    ELBOW_CHECK(plan->of != NULL, ELBOW_MEMORY, "%s: no memory to cut it", request->input);
    return elbow_import_cut(plan->of, plan->read[ELBOW_TRAIN], request->fractions, request->seed, plan->count,
                            request->input);
}

elbow_status elbow_plan_pass(elbow_plan *plan, bool learning,
                             elbow_status (*read)(void *self, elbow_plan *plan, const char *path),
                             void *self) {
    plan->learning = learning;
    plan->bad.count = 0;
    plan->bad.quiet = plan->passes > 0;
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++) {
        const char *path = input_of(plan->request, split);
        plan->split = split;
        plan->read[split] = 0;
        if (path != NULL) ELBOW_TRY(read(self, plan, path));
        ELBOW_CHECK(
            path == NULL || plan->passes == 0 || plan->read[split] == plan->found[split], ELBOW_FORMAT,
            "%s: %zu examples at first and then %zu; it must not change, nor be a pipe: it is read twice",
            path, plan->found[split], plan->read[split]);
    }
    if (plan->passes++ > 0) return ELBOW_OK;
    return finish_learning(plan);
}

elbow_split elbow_plan_next(elbow_plan *plan) {
    size_t example = plan->read[plan->split]++;
    if (plan->of == NULL || example >= plan->found[plan->split]) return plan->split;
    return (elbow_split)plan->of[example];
}
