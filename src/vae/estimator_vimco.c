/* VIMCO: variational inference for Monte Carlo objectives (Mnih & Rezende 2016). Of S ≥ 2 independent exact draws an example's
 * objective is the importance-weighted bound (Burda et al. 2016)
 *
 *     L = log (1/S) Σ_s w_s,        log w_s = log p(x|z_s) + β (log p(z_s) − log q(z_s|x))
 *
 * and its gradient in expectation that of
 *
 *     Σ_s (L − L_−s) ∇ log q(z_s|x)  +  Σ_s (w_s / Σ w) ∇ log w_s
 *
 * with a baseline for each draw, L as it would be had the draw the geometric mean of the others' weights:
 *
 *     L_−s = log (1/S) ( Σ_{j≠s} w_j + exp( (1/(S−1)) Σ_{j≠s} log w_j ) )
 *
 * which does not depend on z_s: no bias, at any S and β, of any number of layers: a draw is one of all of them, log q(z|x) the sum.
 * A draw's signal is what it alone adds to the bound, not the bound as a whole; with S its share of the noise in q's gradient grows
 * all the same (Rainforth et al. 2018). S decoder rows an example. */
#include <math.h>
#include <string.h>

#include "vae/score_function.h"

static elbow_status check_bound(const elbow_options *options) {
    ELBOW_CHECK(strcmp(options->objective.bound, "iwae") == 0, ELBOW_USAGE,
                "vimco is for the importance-weighted bound; set objective.bound = iwae, or estimator.name = "
                "reinforce for the ELBO");
    return ELBOW_OK;
}

static elbow_status create(elbow_estimator *estimator, const elbow_options *options, elbow_latents *latents,
                           elbow_params *params) {
    (void)params;
    ELBOW_TRY(elbow_score_function_check_draws(estimator, options, latents));
    elbow_status status = check_bound(options);
    return status == ELBOW_OK ? status : elbow_options_blame(options, "objective.bound", status);
}

/* An example's draws, S of them, B rows apart. */
typedef struct example {
    const real *log_px, *log_ratio;
    real *weights, *signal;
    size_t B, S;
    double beta;
} example;

static double log_weight(const example *e, size_t s) {
    return (double)e->log_px[s * e->B] + e->beta * (double)e->log_ratio[s * e->B];
}

/* Σ_j exp(log w_j − most), with `instead` in place of log w_s. */
static double sum_with(const example *e, size_t s, double instead, double most) {
    double sum = 0;
    for (size_t j = 0; j < e->S; j++) sum += exp((j == s ? instead : log_weight(e, j)) - most);
    return sum;
}

/* L; each draw's share w_s / Σ w, and its signal L − L_−s. S² exponentials, beside S rows of a decoder. */
static double weigh_draws(const example *e) {
    double most = -INFINITY, all = 0;
    for (size_t s = 0; s < e->S; s++) {
        double log_w = log_weight(e, s);
        if (log_w > most || isnan(log_w)) most = log_w; /* NaN stays, and is found by the step */
        all += log_w;
    }
    if (most == -(double)INFINITY) { /* no draw can be: nothing to share out */
        for (size_t s = 0; s < e->S; s++) e->weights[s * e->B] = e->signal[s * e->B] = 0;
        return most;
    }
    double sum = sum_with(e, e->S, 0, most);
    for (size_t s = 0; s < e->S; s++) {
        double log_w = log_weight(e, s), mean = (all - log_w) / (double)(e->S - 1);
        /* Its own largest: without a draw that outweighs the others all of them may vanish beside it. */
        double highest = mean;
        for (size_t j = 0; j < e->S; j++)
            if (j != s && log_weight(e, j) > highest) highest = log_weight(e, j);
        double without = highest + log(sum_with(e, s, mean, highest));
        e->weights[s * e->B] = (real)(exp(log_w - most) / sum);
        e->signal[s * e->B] = (real)(most + log(sum) - without);
    }
    return most + log(sum / (double)e->S);
}

static void run(elbow_estimator *estimator, elbow_latents *latents, const elbow_score *score,
                const elbow_pass *pass, const elbow_objective *objective, elbow_terms *terms) {
    size_t R = latents->rows, B = latents->batch, S = latents->samples;
    real *weights = estimator->weights, *signal = estimator->state;
    const real *z = elbow_latents_sample(latents, pass);
    score->forward(score->context, pass, estimator->log_px, z, R);
    elbow_latents_log_ratio(latents, pass, 0, estimator->log_ratio);

    double log_px = 0, log_ratio = 0;
    for (size_t r = 0; r < R; r++) {
        log_px += (double)estimator->log_px[r];
        log_ratio += (double)estimator->log_ratio[r];
    }
    terms->reconstruction += log_px / (double)S;
    terms->kl -= log_ratio / (double)S;
    terms->elbo += (log_px + log_ratio) / (double)S;
    for (size_t b = 0; b < B; b++)
        terms->objective += weigh_draws(&(example){.log_px = estimator->log_px + b,
                                                   .log_ratio = estimator->log_ratio + b,
                                                   .weights = weights + b,
                                                   .signal = signal + b,
                                                   .B = B,
                                                   .S = S,
                                                   .beta = (double)objective->beta});
    for (size_t r = 0; r < R; r++) { /* log q is in the draw's own weight, too */
        weights[r] *= -objective->weight;
        signal[r] = -objective->weight * signal[r] - objective->beta * weights[r];
    }
    elbow_latents_receive(latents, score->backward(score->context, pass, weights, R));
    for (size_t r = 0; r < R; r++) weights[r] *= objective->beta;
    for (size_t i = 0; i < latents->count; i++) {
        elbow_stochastic *layer = &latents->layers[i];
        elbow_score_function_backward(latents, i, signal);
        for (size_t g = 0; g < layer->count; g++)
            elbow_group_log_p_backward(&layer->groups[g], pass, weights, R, 0, false);
        elbow_latents_prior_backward(latents, pass, i);
        elbow_latents_upper_backward(latents, pass, i);
    }
}

static elbow_status reserve(elbow_estimator *estimator, size_t rows, elbow_arena *arena) {
    real *signal = NULL;
    ELBOW_TRY(elbow_arena_reals(arena, rows, &signal));
    estimator->state = signal;
    return ELBOW_OK;
}

const elbow_estimator_ops elbow_estimator_vimco = {
    .name = "vimco", .unrelaxed = true, .unbiased = true, .create = create, .reserve = reserve, .run = run};
