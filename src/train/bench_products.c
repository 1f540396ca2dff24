/* The products of one real step, noted as they are computed, and replayed alone: the floor of the step's time.
 *
 * Products that shared an operand (a weight in both passes, an activation) share a buffer in the replay, so that the same
 * memory is warm. Values are random; each product is scaled by 1 / √k, so that chains of them neither grow nor vanish
 * into denormals, which are slow. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "elbow/base/arena.h"
#include "elbow/base/random.h"
#include "math/gemm.h"
#include "math/products.h"
#include "train/bench_inside.h"

enum { KEPT = 64 }; /* times of each product: the newest */

/* An operand: where it was, how many reals the largest of its uses takes, where it is now. */
typedef struct operand {
    const real *was;
    size_t count;
    real *now;
} operand;

typedef struct replayed {
    elbow_product product;
    elbow_phase phase;
    real *a, *b, *c;
    double alone[KEPT], within[KEPT];
    size_t alone_count, within_count;
} replayed;

struct elbow_floor {
    replayed *products;
    size_t count, room;
    elbow_arena *arena;
    bool recorded, failed;
    /* While watching: */
    const elbow_step_report *report;
    double seen[ELBOW_PHASES]; /* the report's phases at the last look */
    elbow_phase now;
    size_t at; /* products so far */
    double began, within[ELBOW_PHASES];
};

elbow_status elbow_floor_create(elbow_floor **out) {
    elbow_floor *floor = *out = calloc(1, sizeof *floor);
    ELBOW_CHECK(floor != NULL, ELBOW_MEMORY, "no memory for the products of a step");
    elbow_status status = elbow_arena_create(&floor->arena);
    if (status != ELBOW_OK) elbow_floor_destroy(out);
    return status;
}

void elbow_floor_destroy(elbow_floor **floor) {
    if (*floor == NULL) return;
    elbow_arena_destroy(&(*floor)->arena);
    free((*floor)->products);
    free(*floor);
    *floor = NULL;
}

/* ------------------------------------------------------------------------------------------ watching */

/* A step goes data → encoder → estimator → encoder, and on with the next shard's data (step.c): which is on follows from
 * those that have ended since the product before. */
static void look(elbow_floor *floor) {
    bool ended[ELBOW_PHASES];
    for (int p = 0; p < ELBOW_PHASES; p++) {
        ended[p] = floor->report->phases[p] > floor->seen[p];
        floor->seen[p] = floor->report->phases[p];
    }
    if (ended[ELBOW_PHASE_DATA] || ended[ELBOW_PHASE_ESTIMATOR])
        floor->now = ELBOW_PHASE_ENCODER;
    else if (ended[ELBOW_PHASE_ENCODER])
        floor->now = ELBOW_PHASE_ESTIMATOR;
}

static replayed *next_product(elbow_floor *floor) {
    if (floor->recorded) return floor->at < floor->count ? &floor->products[floor->at] : NULL;
    if (floor->count == floor->room) {
        size_t room = floor->room ? 2 * floor->room : 64;
        replayed *products = realloc(floor->products, room * sizeof *products);
        floor->failed = floor->failed || products == NULL;
        if (products == NULL) return NULL;
        floor->products = products;
        floor->room = room;
    }
    return memset(&floor->products[floor->count++], 0, sizeof(replayed));
}

static bool same_shape(const elbow_product *a, const elbow_product *b) {
    return a->transpose_a == b->transpose_a && a->transpose_b == b->transpose_b && a->m == b->m &&
           a->n == b->n && a->k == b->k;
}

static void note(void *context, const elbow_product *product, bool done) {
    elbow_floor *floor = context;
    if (!done) {
        look(floor);
        floor->began = elbow_now();
        return;
    }
    double seconds = elbow_now() - floor->began;
    floor->within[floor->now] += seconds;
    replayed *p = next_product(floor);
    floor->at++;
    if (p == NULL) return;
    if (!floor->recorded) {
        p->product = *product;
        p->phase = floor->now;
    } else if (same_shape(&p->product, product)) {
        p->within[p->within_count++ % KEPT] = seconds;
    }
}

void elbow_floor_watch(elbow_floor *floor, const elbow_step_report *report) {
    floor->report = report;
    floor->at = 0;
    floor->now = ELBOW_PHASE_DATA;
    memset(floor->seen, 0, sizeof floor->seen);
    memset(floor->within, 0, sizeof floor->within);
    elbow_products_watch(note, floor);
}

/* ----------------------------------------------------------------------------------------- replaying */

static void add_operand(operand *operands, size_t *count, const real *was, size_t reals) {
    operands[(*count)++] = (operand){.was = was, .count = reals};
}

static int by_place(const void *a, const void *b) {
    uintptr_t x = (uintptr_t)((const operand *)a)->was, y = (uintptr_t)((const operand *)b)->was;
    return (x > y) - (x < y);
}

static real *find_operand(const operand *operands, size_t count, const real *was) {
    operand key = {.was = was};
    const operand *found = bsearch(&key, operands, count, sizeof *operands, by_place);
    return found->now;
}

/* Uniform in [−√3, √3]: of variance 1. */
static void fill(real *values, size_t count, uint64_t which) {
    elbow_stream stream = elbow_stream_make(1, which, "bench.operand");
    uint32_t words[4] = {0};
    for (size_t i = 0; i < count; i++) {
        if (i % 4 == 0) elbow_stream_block(stream, (uint32_t)(i / 4), 0, 0, words);
        values[i] = (real)(((double)words[i % 4] / 2147483648.0 - 1) * 1.7320508);
    }
}

/* Each place once, with room for its largest use. */
static size_t merge(operand *operands, size_t count) {
    size_t kept = 0;
    qsort(operands, count, sizeof *operands, by_place);
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && operands[kept - 1].was == operands[i].was) {
            if (operands[i].count > operands[kept - 1].count) operands[kept - 1].count = operands[i].count;
        } else {
            operands[kept++] = operands[i];
        }
    }
    return kept;
}

static elbow_status make_buffers(elbow_floor *floor) {
    elbow_status status = ELBOW_OK;
    size_t count = 0;
    operand *operands = malloc((3 * floor->count + 1) * sizeof *operands);
    ELBOW_CHECK_OR_DONE(operands && !floor->failed, ELBOW_MEMORY, "no memory for the products of a step");
    for (size_t i = 0; i < floor->count; i++) {
        const elbow_product *p = &floor->products[i].product;
        add_operand(operands, &count, p->a, p->m * p->k);
        add_operand(operands, &count, p->b, p->k * p->n);
        add_operand(operands, &count, p->c, p->m * p->n);
    }
    count = merge(operands, count);
    for (size_t i = 0; i < count; i++) {
        ELBOW_TRY_OR_DONE(elbow_arena_reals(floor->arena, operands[i].count, &operands[i].now));
        fill(operands[i].now, operands[i].count, i);
    }
    for (size_t i = 0; i < floor->count; i++) {
        replayed *p = &floor->products[i];
        p->a = find_operand(operands, count, p->product.a);
        p->b = find_operand(operands, count, p->product.b);
        p->c = find_operand(operands, count, p->product.c);
    }
    floor->recorded = true;
done:
    free(operands);
    return status;
}

elbow_status elbow_floor_stop(elbow_floor *floor, double *within) {
    elbow_products_watch(NULL, NULL);
    memcpy(within, floor->within, sizeof floor->within);
    return floor->recorded ? ELBOW_OK : make_buffers(floor);
}

double elbow_floor_run(elbow_floor *floor, double *phases) {
    double began = elbow_now(), since = began;
    memset(phases, 0, ELBOW_PHASES * sizeof *phases);
    for (size_t i = 0; i < floor->count; i++) {
        replayed *r = &floor->products[i];
        const elbow_product *p = &r->product;
        elbow_gemm(p->transpose_a, p->transpose_b, p->m, p->n, p->k, (real)(1 / sqrt((double)p->k)), r->a,
                   p->transpose_a ? p->m : p->k, r->b, p->transpose_b ? p->k : p->n, 0, r->c, p->n);
        double now = elbow_now();
        r->alone[r->alone_count++ % KEPT] = now - since;
        phases[r->phase] += now - since;
        since = now;
    }
    return since - began;
}

/* ------------------------------------------------------------------------------------------- telling */

static double flops_of(const elbow_product *p) { return 2 * (double)p->m * (double)p->n * (double)p->k; }

double elbow_floor_flops(const elbow_floor *floor, elbow_phase phase) {
    double flops = 0;
    for (size_t i = 0; i < floor->count; i++)
        if (floor->products[i].phase == phase) flops += flops_of(&floor->products[i].product);
    return flops;
}

static double median_kept(double *times, size_t count) {
    return elbow_spread_of(times, count < KEPT ? count : KEPT).median;
}

elbow_status elbow_floor_list(elbow_floor *floor, elbow_bench_product **out, size_t *count) {
    elbow_bench_product *list = calloc(floor->count + 1, sizeof *list);
    *out = list;
    *count = 0;
    ELBOW_CHECK(list != NULL, ELBOW_MEMORY, "no memory for a list of products");
    for (size_t i = 0; i < floor->count; i++) {
        replayed *r = &floor->products[i];
        const elbow_product *p = &r->product;
        elbow_bench_product *found = list;
        while (found < list + *count && !(found->phase == r->phase && found->transpose_a == p->transpose_a &&
                                          found->transpose_b == p->transpose_b && found->m == p->m &&
                                          found->n == p->n && found->k == p->k))
            found++;
        if (found == list + *count) {
            *found = (elbow_bench_product){.phase = r->phase,
                                           .transpose_a = p->transpose_a,
                                           .transpose_b = p->transpose_b,
                                           .m = p->m,
                                           .n = p->n,
                                           .k = p->k};
            ++*count;
        }
        found->calls++;
        found->seconds += median_kept(r->alone, r->alone_count);
        found->within += median_kept(r->within, r->within_count);
    }
    for (size_t i = 0; i < *count; i++) {
        list[i].seconds /= (double)list[i].calls;
        list[i].within /= (double)list[i].calls;
    }
    return ELBOW_OK;
}
