#include "vae/variance.h"

#include <math.h>
#include <string.h>

#include "elbow/base/number.h"
#include "math/exp_log.h"

static elbow_status read_variance(const char *text, double *value) {
    const double least = 1e-12, most = 1e12;
    elbow_status status = elbow_number_real(text, least, most, value);
    if (status != ELBOW_OK)
        return elbow_fail(ELBOW_USAGE, "`%.40s` is no variance; write `learned` or a number from %g to %g",
                          text, least, most);
    return ELBOW_OK;
}

elbow_status elbow_variance_create(elbow_variance *variance, size_t count, const elbow_options *options,
                                   elbow_params *params) {
    const char *text = options->model.variance;
    double value = 1;
    *variance = (elbow_variance){.count = count, .learned = strcmp(text, "learned") == 0};
    if (!variance->learned) {
        elbow_status status = read_variance(text, &value);
        if (status != ELBOW_OK) return elbow_options_blame(options, "model.variance", status);
    }
    variance->fixed = log(value);
    if (!variance->learned || count == 0) return ELBOW_OK;
    return elbow_params_declare(params, "likelihood.log_variance", 1, &count, 0, &variance->parameters);
}

elbow_status elbow_variance_reserve(elbow_variance *variance, elbow_arena *arena) {
    size_t n = variance->count;
    ELBOW_TRY(elbow_arena_reals(arena, n, &variance->s));
    ELBOW_TRY(elbow_arena_reals(arena, n, &variance->inverse));
    if (variance->learned) {
        ELBOW_TRY(elbow_arena_reals(arena, n, &variance->slope));
        return elbow_arena_reals(arena, n, &variance->ds);
    }
    for (size_t d = 0; d < n; d++) {
        variance->s[d] = (real)variance->fixed;
        variance->inverse[d] = (real)exp(-0.5 * variance->fixed);
    }
    return ELBOW_OK;
}

/* With b = a − f and e = e^{−|b|}:  log(1 + e^b) = max(b, 0) + log(1 + e),  σ(b) = (b < 0 ? e : 1) / (1 + e). */
void elbow_variance_forward(const elbow_variance *variance, const elbow_pass *pass) {
    if (!variance->learned) return;
    const real *a = pass->parameters + variance->parameters;
    const real f = (real)elbow_log_double(ELBOW_VARIANCE_FLOOR);
    for (size_t d = 0; d < variance->count; d++) {
        real b = a[d] - f, e = elbow_exp(b < 0 ? b : -b);
        variance->s[d] = f + ((b < 0 ? (real)0 : b) + elbow_log1p_unit(e));
        variance->slope[d] = (b < 0 ? e : (real)1) / (1 + e);
        variance->inverse[d] = elbow_exp((real)-0.5 * variance->s[d]);
        variance->ds[d] = 0;
    }
}

void elbow_variance_backward(const elbow_variance *variance, const elbow_pass *pass) {
    if (!variance->learned || pass->frozen) return;
    real *gradient = pass->gradients + variance->parameters;
    for (size_t d = 0; d < variance->count; d++) gradient[d] += variance->slope[d] * variance->ds[d];
}

void elbow_variance_disturb(const elbow_variance *variance, real *x, const real *noise, real temperature) {
    real factor = (real)sqrt((double)temperature);
    for (size_t d = 0; d < variance->count; d++) x[d] += factor * noise[d] / variance->inverse[d];
}
