#include "vae/control_network.h"

#include <math.h>
#include <stdio.h>

#include "math/gemm.h"
#include "math/vector.h"

/* NAME.`dense`.weight (out, in) and .bias. */
static elbow_status declare(elbow_params *params, size_t layer, int dense, size_t out, size_t in,
                            double bound, size_t *weight, size_t *bias) {
    char name[48] = "estimator.network", tensor[64];
    if (layer > 0) snprintf(name, sizeof name, "estimator.upper.%zu", layer);
    snprintf(tensor, sizeof tensor, "%s.%d.weight", name, dense);
    ELBOW_TRY(elbow_params_declare(params, tensor, 2, (size_t[]){out, in}, bound, weight));
    snprintf(tensor, sizeof tensor, "%s.%d.bias", name, dense);
    return elbow_params_declare(params, tensor, 1, &out, bound, bias);
}

elbow_status elbow_control_network_create(elbow_control_network *network, size_t layer, size_t width,
                                          size_t hidden, elbow_params *params) {
    double bound = 1 / sqrt((double)width);
    *network = (elbow_control_network){.width = width, .hidden = hidden};
    ELBOW_TRY(elbow_activation_find("tanh", &network->activation));
    ELBOW_TRY(declare(params, layer, 0, hidden, width, bound, &network->weight, &network->bias));
    return declare(params, layer, 1, 1, hidden, 0, &network->out_weight, &network->out_bias);
}

elbow_status elbow_control_network_reserve(elbow_control_network *network, size_t rows, elbow_arena *arena) {
    ELBOW_TRY(elbow_arena_reals(arena, rows * network->hidden, &network->h));
    ELBOW_TRY(elbow_arena_reals(arena, rows * network->hidden, &network->u));
    ELBOW_TRY(elbow_arena_reals(arena, rows * network->hidden, &network->v));
    return elbow_arena_reals(arena, rows * network->width, &network->dz);
}

/* (rows, H) = x Wᵀ */
static void multiply(const elbow_control_network *network, const elbow_pass *pass, real *y, const real *x,
                     size_t rows) {
    size_t Z = network->width, H = network->hidden;
    elbow_gemm(false, true, rows, H, Z, 1, x, Z, pass->parameters + network->weight, Z, 0, y, H);
}

void elbow_control_network_forward(elbow_control_network *network, const elbow_pass *pass, real *r,
                                   const real *z, size_t rows) {
    size_t H = network->hidden;
    const real *w = pass->parameters + network->out_weight;
    multiply(network, pass, network->h, z, rows);
    network->activation->forward(network->h, pass->parameters + network->bias, rows, H);
    for (size_t i = 0; r != NULL && i < rows; i++) {
        double sum = (double)pass->parameters[network->out_bias];
        for (size_t j = 0; j < H; j++) sum += (double)w[j] * (double)network->h[i * H + j];
        r[i] = (real)sum;
    }
}

/* ∇r = Wᵀ (w ⊙ (1 − h²)) */
real *elbow_control_network_slope(elbow_control_network *network, const elbow_pass *pass, size_t rows) {
    size_t Z = network->width, H = network->hidden;
    const real *w = pass->parameters + network->out_weight;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < H; j++) {
            real h = network->h[i * H + j];
            network->u[i * H + j] = w[j] * (1 - h * h);
        }
    elbow_gemm(false, false, rows, Z, H, 1, network->u, H, pass->parameters + network->weight, Z, 0,
               network->dz, Z);
    return network->dz;
}

/* With p = W t, the tangent before tanh, a row gives  a (b + w·h) + Σ_j w_j (1 − h_j²) p_j, and so
 *     db = a,   dw = a h + (1 − h²) ⊙ p,   dp = w ⊙ (1 − h²),   d(W z + c) = w ⊙ (1 − h²) ⊙ (a − 2 h ⊙ p) */
void elbow_control_network_learn(elbow_control_network *network, const elbow_pass *pass, const real *a,
                                 const real *t, const real *z, size_t rows) {
    size_t Z = network->width, H = network->hidden;
    const real *w = pass->parameters + network->out_weight;
    real *gradients = pass->gradients, *dw = gradients + network->out_weight;
    double sum = 0;
    multiply(network, pass, network->u, t, rows);
    for (size_t i = 0; i < rows; i++) {
        real by = a ? a[i] : 0;
        sum += (double)by;
        for (size_t j = 0; j < H; j++) {
            real h = network->h[i * H + j], slope = 1 - h * h, p = network->u[i * H + j];
            dw[j] += by * h + slope * p;
            network->v[i * H + j] = w[j] * slope * (by - 2 * h * p);
            network->u[i * H + j] = w[j] * slope;
        }
    }
    gradients[network->out_bias] += (real)sum;
    elbow_column_sums(gradients + network->bias, network->v, rows, H);
    elbow_gemm(true, false, H, Z, rows, 1, network->v, H, z, Z, 1, gradients + network->weight, Z);
    elbow_gemm(true, false, H, Z, rows, 1, network->u, H, t, Z, 1, gradients + network->weight, Z);
}
