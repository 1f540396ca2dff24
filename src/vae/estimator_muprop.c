/* MuProp (Gu, Levine, Sutskever & Mnih 2016): the score function, with the first-order Taylor expansion of f about the mean z̄ of q
 * for its control variate, whose expectation goes back through z̄ as through any layer:
 *
 *     ∇_θ E_q[f(z)]  ≈  (f(z) − f(z̄) − ∇f(z̄)·(z − z̄) − b) ∇_θ log q(z|x)  +  ∇f(z̄)·∂z̄/∂θ
 *
 * with f = log p(x|z) − β Σ_g KL_g(z) (control.h). No bias, at any S: E[(f(z̄) + ∇f(z̄)·(z − z̄)) ∇ log q] = ∇f(z̄)·∂z̄/∂θ, as E[z] = z̄.
 * The variance is that of what f bends between z̄ and its values: little where the decoder is nearly linear in z, more where q is
 * undecided and z̄ is far from every value. A sampled KL, linear in z, is had without noise.
 *
 * The baseline b: with S ≥ 2 draws the mean of the other draws' residuals. With one it is learned, estimator.baseline · 100 nats for
 * all examples alike, by ½ E[((residual − b) / 100)²] (Gu et al. have a network in its place).
 *
 * S + 1 decoder rows an example forward and back, one of them without the parameters' gradients. */
#include <stdlib.h>

#include "math/vector.h"
#include "vae/control.h"

typedef struct muprop {
    const elbow_latents *latents;
    size_t baseline; /* offset, of one draw an example */
    real *f_mean;    /* (rows) */
    real *points[STOCHASTIC_GROUPS];
} muprop;

static elbow_status create(elbow_estimator *estimator, const elbow_options *options, elbow_latents *latents,
                           elbow_params *params) {
    ELBOW_TRY(elbow_score_function_check_one_layer(estimator, options, latents));
    ELBOW_TRY(elbow_control_check(estimator, options, latents));
    muprop *state = estimator->state = calloc(1, sizeof *state);
    ELBOW_CHECK(state != NULL, ELBOW_MEMORY, "no memory for an estimator");
    state->latents = latents;
    return estimator->draws == 1 ? elbow_control_declare(params, "estimator.baseline", 1, &state->baseline)
                                 : ELBOW_OK;
}

static elbow_status reserve(elbow_estimator *estimator, size_t rows, elbow_arena *arena) {
    muprop *state = estimator->state;
    const elbow_stochastic *layer = &state->latents->layers[0];
    for (size_t g = 0; g < layer->count; g++) state->points[g] = layer->groups[g].soft_block;
    return elbow_arena_reals(arena, rows, &state->f_mean);
}

static void destroy(elbow_estimator *estimator) { free(estimator->state); }

/* ∇f(z̄)·(z − z̄) of row r, its example's mean being row b. */
static double slope_along(const elbow_stochastic *layer, size_t r, size_t b) {
    double sum = 0;
    for (size_t g = 0; g < layer->count; g++) {
        const elbow_group *group = &layer->groups[g];
        size_t Z = group->z_width;
        const real *dz = group->dz + b * Z, *z = group->z + r * Z, *mean = group->soft_block + b * Z;
        for (size_t i = 0; i < Z; i++) sum += (double)dz[i] * ((double)z[i] - (double)mean[i]);
    }
    return sum;
}

/* f becomes the residuals, less their baselines. */
static void subtract(const muprop *state, const elbow_latents *latents, const elbow_pass *pass, real weight,
                     real *f) {
    const double nats = ELBOW_CONTROL_NATS;
    size_t B = latents->batch, S = latents->samples;
    double learned = S == 1 ? nats * (double)pass->parameters[state->baseline] : 0, slope = 0;
    for (size_t b = 0; b < B; b++) {
        double sum = 0;
        for (size_t s = 0; s < S; s++) {
            size_t r = s * B + b;
            f[r] = (real)((double)f[r] - (double)state->f_mean[b] - slope_along(&latents->layers[0], r, b));
            sum += (double)f[r];
        }
        for (size_t s = 0; s < S; s++) {
            double own = (double)f[s * B + b], others = S > 1 ? (sum - own) / (double)(S - 1) : learned;
            f[s * B + b] = (real)(own - others);
            slope -= (own - others) / nats;
        }
    }
    if (S == 1) pass->gradients[state->baseline] += (real)((double)weight * slope);
}

static void run(elbow_estimator *estimator, elbow_latents *latents, const elbow_score *score,
                const elbow_pass *pass, const elbow_objective *objective, elbow_terms *terms) {
    muprop *state = estimator->state;
    elbow_stochastic *layer = &latents->layers[0];
    size_t R = latents->rows, B = latents->batch;
    real *f = estimator->log_ratio, *weights = estimator->weights;
    const real *z = elbow_latents_sample(latents, pass);
    elbow_score_function_draws(estimator, latents, score, pass, objective, z, f, terms);

    for (size_t g = 0; g < layer->count; g++) {
        elbow_group *group = &layer->groups[g];
        group->latent->surrogate(group, state->points[g], group->z, group->q, B * group->variables, 1,
                                 ELBOW_DRAW_STRAIGHT_THROUGH);
    }
    elbow_control_evaluate(latents, score, pass, objective, &(elbow_control_point){.points = state->points},
                           state->f_mean, weights, B);
    subtract(state, latents, pass, objective->weight, f);
    for (size_t r = 0; r < R; r++) weights[r] = -objective->weight / (real)latents->samples * f[r];
    elbow_score_function_backward(latents, 0, weights);
    for (size_t g = 0; g < layer->count;
         g++) { /* all draws of an example have one mean: into its first row */
        elbow_group *group = &layer->groups[g];
        elbow_scale(group->dz, -objective->weight, B * group->z_width);
        group->latent->relax_backward(group, group->dq, state->points[g], group->q, group->dz,
                                      B * group->variables, 1);
    }
    elbow_latents_prior_backward(latents, pass, 0);
}

const elbow_estimator_ops elbow_estimator_muprop = {.name = "muprop",
                                                    .reads = "objective.kl",
                                                    .unrelaxed = true,
                                                    .unbiased = true,
                                                    .create = create,
                                                    .reserve = reserve,
                                                    .run = run,
                                                    .destroy = destroy};
