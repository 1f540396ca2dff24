#include "train/gradient_blocks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "elbow/base/arena.h"
#include "elbow/train/stop.h"
#include "math/vector.h"

enum { K = GRADIENT_BLOCKS };

/* Relative squares below it are rounding of `real`, not bias. */
static const double ROUNDING = 1e-9;

static int owner_of(const elbow_gradient_blocks *blocks, size_t block) {
    return (int)(block % (size_t)blocks->world->size);
}

static bool is_own(const elbow_gradient_blocks *blocks, size_t block) {
    return owner_of(blocks, block) == blocks->world->rank;
}

static real *own_mean(const elbow_gradient_blocks *blocks, size_t block) {
    return blocks->means + block / (size_t)blocks->world->size * blocks->size;
}

elbow_status elbow_gradient_blocks_create(elbow_gradient_blocks *blocks, elbow_world *world, size_t size) {
    size_t ranks = (size_t)world->size, own = (K + ranks - 1) / ranks;
    *blocks = (elbow_gradient_blocks){.world = world, .size = size};
    ELBOW_TRY(elbow_aligned_reals(own * size, &blocks->means));
    blocks->sum = malloc(size * sizeof *blocks->sum);
    ELBOW_CHECK(blocks->sum != NULL, ELBOW_MEMORY, "no memory for the mean of gradients");
    return ELBOW_OK;
}

void elbow_gradient_blocks_destroy(elbow_gradient_blocks *blocks) {
    free(blocks->means);
    free(blocks->sum);
    *blocks = (elbow_gradient_blocks){0};
}

void elbow_gradient_blocks_fill(elbow_gradient_blocks *blocks, const real *gradient) {
    blocks->draws = 0;
    memset(blocks->traces, 0, sizeof blocks->traces);
    for (size_t k = 0; k < K; k++)
        if (is_own(blocks, k)) memcpy(own_mean(blocks, k), gradient, blocks->size * sizeof *gradient);
}

/* The mean of a block's sum, and the trace that Σ |x|² leaves for a draw. */
static double finish_block(elbow_gradient_blocks *blocks, size_t block, double squares, size_t draws) {
    real *mean = own_mean(blocks, block);
    double n = (double)draws, square = 0;
    for (size_t i = 0; i < blocks->size; i++) {
        double m = blocks->sum[i] / n;
        square += m * m;
        mean[i] = (real)m;
    }
    return (squares - n * square) / (n - 1);
}

/* Each rank's rows of a table of K rows, to all. */
static elbow_status share_rows(elbow_world *world, const elbow_gradient_blocks *blocks, double *rows,
                               size_t width) {
    void *all = NULL;
    ELBOW_TRY(elbow_world_gather_new(world, rows, K * width * sizeof *rows, &all));
    for (size_t k = 0; all && k < K; k++)
        memcpy(rows + k * width, (const double *)all + ((size_t)owner_of(blocks, k) * K + k) * width,
               width * sizeof *rows);
    free(all);
    return elbow_world_broadcast(world, rows, K * width * sizeof *rows, 0);
}

elbow_status elbow_gradient_blocks_take(elbow_gradient_blocks *blocks, size_t each, elbow_gradient_draw *draw,
                                        void *context, const char *what,
                                        void (*progress)(const char *what, size_t done, size_t of)) {
    size_t own = 0, done = 0;
    elbow_status status = ELBOW_OK;
    for (size_t k = 0; k < K; k++) own += is_own(blocks, k);
    for (size_t k = 0; k < K && status == ELBOW_OK; k++) {
        double squares = 0;
        if (!is_own(blocks, k)) continue;
        memset(blocks->sum, 0, blocks->size * sizeof *blocks->sum);
        for (size_t i = 0; i < each && status == ELBOW_OK; i++) {
            const real *gradient = draw(context, k * each + i);
            for (size_t j = 0; j < blocks->size; j++) blocks->sum[j] += (double)gradient[j];
            squares += elbow_square_sum(gradient, blocks->size);
            if (progress) progress(what, ++done, own * each);
            const char *reason = elbow_stop_reason(NULL, NULL, 0);
            if (reason) status = elbow_fail(ELBOW_STOPPED, "stopped by %s", reason);
        }
        blocks->traces[k] = finish_block(blocks, k, squares, each);
    }
    ELBOW_TRY_ALL(blocks->world, status);
    blocks->draws = K * each;
    return share_rows(blocks->world, blocks, blocks->traces, 1);
}

/* In one order: the same bits wherever it is computed. */
static double inner(const real *a, const real *b, size_t size) {
    enum { LANES = 8 };
    double lanes[LANES] = {0}, sum = 0;
    size_t whole = size - size % LANES;
    for (size_t i = 0; i < whole; i += LANES)
        for (size_t l = 0; l < LANES; l++) lanes[l] += (double)a[i + l] * (double)b[i + l];
    for (size_t i = whole; i < size; i++) sum += (double)a[i] * (double)b[i];
    for (size_t l = 0; l < LANES; l++) sum += lanes[l];
    return sum;
}

elbow_status elbow_gradient_multiply(elbow_gradient_products *products, const elbow_gradient_blocks *a,
                                     const elbow_gradient_blocks *b) {
    elbow_world *world = a->world;
    real *other = NULL;
    elbow_status status = ELBOW_OK;
    memset(products, 0, sizeof *products);
    ELBOW_TRY_ALL(world, elbow_aligned_reals(b->size, &other));
    for (size_t j = 0; j < K && status == ELBOW_OK; j++) {
        if (is_own(b, j)) memcpy(other, own_mean(b, j), b->size * sizeof *other);
        if (world->size > 1)
            status = elbow_world_broadcast(world, other, b->size * sizeof *other, owner_of(b, j));
        for (size_t i = 0; i < K; i++)
            if (is_own(a, i)) products->of[i][j] = inner(own_mean(a, i), other, a->size);
    }
    free(other);
    if (status == ELBOW_OK) status = share_rows(world, a, products->of[0], K);
    return status;
}

/* --- figures --- */

/* Estimates of |E b|², ⟨E b, E c⟩ and |E c|². */
typedef struct squares {
    double bb, bc, cc;
} squares;

typedef struct tables {
    const elbow_gradient_products *bb, *bc, *cc;
} tables;

/* The mean of a table beside its diagonal, without block `out`; K: with all of them. */
static double beside(const elbow_gradient_products *table, size_t out) {
    double sum = 0, n = out < K ? K - 1 : K;
    for (size_t i = 0; i < K; i++)
        for (size_t j = 0; j < K; j++)
            if (i != j && i != out && j != out) sum += table->of[i][j];
    return sum / (n * (n - 1));
}

static squares without(const tables *t, size_t out) {
    return (squares){beside(t->bb, out), beside(t->bc, out), beside(t->cc, out)};
}

/* A function of the squares, with the jackknife's error. NaN where it is no number, as of a norm that noise has the better of. */
static elbow_bench_figure figure(const tables *t, double (*of)(squares)) {
    double values[K], mean = 0, spread = 0;
    for (size_t k = 0; k < K; k++) mean += values[k] = of(without(t, k));
    mean /= K;
    for (size_t k = 0; k < K; k++) spread += (values[k] - mean) * (values[k] - mean);
    return (elbow_bench_figure){of(without(t, K)), sqrt((K - 1.0) / K * spread)};
}

static double norm(squares s) { return sqrt(s.cc); }
static double ratio(squares s) { return sqrt(s.bb / s.cc); }
static double cosine(squares s) { return s.bc / sqrt(s.bb * s.cc); }
static double bias_square(squares s) { return s.cc > 0 ? (s.bb - 2 * s.bc + s.cc) / s.cc : NAN; }

elbow_bench_figure elbow_gradient_norm(const elbow_gradient_products *cc) {
    return figure(&(tables){cc, cc, cc}, norm);
}

/* The standard deviation of the bias' square where there is no bias. */
static double deviation(const tables *t) {
    double sum = 0, pairs = K * (K - 1) / 2.0;
    for (size_t i = 0; i < K; i++)
        for (size_t j = 0; j < i; j++) {
            double h = t->bb->of[i][j] - t->bc->of[i][j] - t->bc->of[j][i] + t->cc->of[i][j];
            sum += h * h;
        }
    return sqrt(sum) / pairs;
}

elbow_bench_bias elbow_gradient_compare(const elbow_gradient_products *bb, const elbow_gradient_products *bc,
                                        const elbow_gradient_products *cc) {
    const tables t = {bb, bc, cc};
    elbow_bench_figure square = figure(&t, bias_square);
    double scale = beside(cc, K), noise = deviation(&t) / scale;
    elbow_bench_bias bias = {.norm = figure(&t, ratio), .cosine = figure(&t, cosine)};
    bias.bias.value = square.value > 0 ? sqrt(square.value) : isnan(square.value) ? NAN : 0;
    bias.bias.error = bias.bias.value > 0 ? square.error / (2 * bias.bias.value) : NAN;
    bias.z = fabs(square.value) < ROUNDING ? 0 : square.value / noise;
    bias.most = sqrt(fmax(square.value, 0) + 2 * noise);
    return bias;
}

elbow_bench_figure elbow_gradient_trace(const elbow_gradient_blocks *blocks) {
    double mean = 0, spread = 0;
    for (size_t k = 0; k < K; k++) mean += blocks->traces[k] / K;
    for (size_t k = 0; k < K; k++) spread += (blocks->traces[k] - mean) * (blocks->traces[k] - mean);
    return (elbow_bench_figure){mean, sqrt(spread / (K - 1) / K)};
}
