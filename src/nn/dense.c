#include "nn/dense.h"

#include "base/team.h"
#include "math/gemm.h"
#include "math/vector.h"
#include "nn/layer.h"

elbow_status elbow_dense_create(elbow_dense *dense, const char *name, size_t in, size_t out,
                                const elbow_activation *activation, elbow_params *params) {
    *dense = (elbow_dense){.in = in, .out = out, .activation = activation};
    return elbow_params_declare_affine(params, name, 2, (size_t[]){out, in}, out, in, out, &dense->weight,
                                       &dense->bias);
}

elbow_status elbow_dense_reserve(elbow_dense *dense, size_t rows, elbow_arena *arena) {
    return dense->activation->apply ? elbow_arena_reals(arena, rows * dense->out, &dense->v) : ELBOW_OK;
}

/* Rows for a thread of the team to take: fewer are done before it is awake. */
static size_t grain_of(size_t width) { return 1 + (1 << 16) / width; }

/* Rows that several passes in a row find in the cache; a multiple of the rows that elbow_column_sums takes at once. */
static size_t tile_of(size_t width) { return 4 + (1 << 13) / width / 4 * 4; }

typedef struct activating {
    const elbow_activation *f;
    real *y, *v; /* v: what the activation is of, where y alone does not tell its slope */
    const real *bias;
    real *dy;
    const real *from, *weights;
    size_t width;
} activating;

static void activate(void *context, size_t begin, size_t end) {
    const activating *a = context;
    size_t at = begin * a->width, rows = end - begin;
    if (a->f->apply) {
        elbow_add_bias(a->v + at, a->bias, rows, a->width);
        a->f->apply(a->y + at, a->v + at, rows * a->width);
    } else {
        a->f->forward(a->y + at, a->bias, rows, a->width);
    }
}

static void slope(void *context, size_t begin, size_t end) {
    const activating *a = context;
    size_t at = begin * a->width;
    if (a->weights) elbow_scale_rows(a->dy + at, a->weights + begin, end - begin, a->width);
    a->f->backward(a->dy + at, a->from ? a->from + at : NULL, (end - begin) * a->width);
}

/* Slopes, and unless `sums` is NULL the sums over rows: tile by tile where one thread does both. */
static void slope_and_sum(elbow_team *team, activating *all, real *sums, size_t rows) {
    size_t width = all->width, tile = elbow_team_threads(team) > 1 ? rows : tile_of(width);
    for (size_t begin = 0, end; begin < rows; begin = end) {
        end = begin + tile < rows ? begin + tile : rows;
        if (tile == rows)
            elbow_team_run(team, rows, grain_of(width), slope, all);
        else
            slope(all, begin, end);
        if (sums) elbow_column_sums(sums, all->dy + begin * width, end - begin, width);
    }
}

void elbow_dense_multiply(const elbow_dense *dense, const elbow_pass *pass, real *y, const real *x,
                          size_t rows) {
    size_t in = dense->in, out = dense->out;
    elbow_gemm(false, true, rows, out, in, 1, x, in, pass->parameters + dense->weight, in, 0, y, out);
}

void elbow_dense_forward(const elbow_dense *dense, const elbow_pass *pass, real *y, const real *x,
                         size_t rows) {
    const elbow_activation *f = dense->activation;
    real *v = f->apply ? dense->v : y;
    elbow_dense_multiply(dense, pass, v, x, rows);
    activating all = {.f = f, .y = y, .v = v, .bias = pass->parameters + dense->bias, .width = dense->out};
    elbow_team_run(pass->team, rows, grain_of(dense->out), activate, &all);
}

void elbow_dense_backward(const elbow_dense *dense, const elbow_pass *pass, real *dx, real *dy, const real *y,
                          const real *x, size_t rows) {
    elbow_dense_backward_weighted(dense, pass, dx, dy, NULL, y, x, rows);
}

/* With a = x Wᵀ + b, y = f(a):  da = dy ⊙ f′;  dW += daᵀ x;  db += Σ_rows da;  dx = da W. */
void elbow_dense_backward_weighted(const elbow_dense *dense, const elbow_pass *pass, real *dx, real *dy,
                                   const real *weights, const real *y, const real *x, size_t rows) {
    size_t in = dense->in, out = dense->out;
    activating all = {.f = dense->activation,
                      .dy = dy,
                      .from = dense->activation->apply ? dense->v : y,
                      .weights = weights,
                      .width = out};
    slope_and_sum(pass->team, &all, pass->frozen ? NULL : pass->gradients + dense->bias, rows);
    if (!pass->frozen)
        elbow_gemm(true, false, out, in, rows, 1, dy, out, x, in, 1, pass->gradients + dense->weight, in);
    if (dx != NULL)
        elbow_gemm(false, false, rows, in, out, 1, dy, out, pass->parameters + dense->weight, in, 0, dx, in);
}

/* As a layer of a network: a bare number in the spec. */

static elbow_status create(elbow_layer *layer, const elbow_layer_request *request, elbow_params *params) {
    char *end = NULL;
    unsigned long long width = strtoull(request->size, &end, 10);
    ELBOW_CHECK(
        *request->size != 0 && *end == 0 && width >= 1 && width <= 1u << 24, ELBOW_USAGE,
        "`%s` is no width of a dense layer; write a number from 1 to %u, or the name of the layer whose size "
        "it is before it (conv %s)",
        request->size, 1u << 24, request->size);
    elbow_dense *dense = calloc(1, sizeof *dense);
    ELBOW_CHECK(dense != NULL, ELBOW_MEMORY, "no memory for a layer");
    layer->state = dense;
    layer->out = elbow_shape_flat((size_t)width);
    return elbow_dense_create(dense, request->name, layer->in.width, layer->out.width, request->activation,
                              params);
}

static elbow_status reserve(elbow_layer *layer, size_t rows, bool training, elbow_arena *arena) {
    (void)training;
    return elbow_dense_reserve(layer->state, rows, arena);
}

static void forward(elbow_layer *layer, const elbow_pass *pass, real *y, const real *x, size_t rows) {
    elbow_dense_forward(layer->state, pass, y, x, rows);
}

static void backward(elbow_layer *layer, const elbow_pass *pass, real *dx, real *dy, const real *y,
                     const real *x, size_t rows) {
    elbow_dense_backward(layer->state, pass, dx, dy, y, x, rows);
}

static void destroy(elbow_layer *layer) { free(layer->state); }

const elbow_layer_ops elbow_layer_dense = {
    .name = "dense",
    .grammar = "WIDTH",
    .create = create,
    .reserve = reserve,
    .forward = forward,
    .backward = backward,
    .destroy = destroy,
};
