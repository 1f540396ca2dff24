/* ARSM, augment-REINFORCE-swap-merge (Yin, Yue & Zhou 2019): for factorised categorical latents, with no baseline to learn.
 *
 * With logits φ, a variable of K categories is z = argmin_k π_k e^{−φ_k}, π uniform on the simplex (ε_k / Σ ε of exponential
 * ε). Let z^{c⇌j} be what all variables of an example become when each swaps its π_c and π_j, and f_cj = f(z^{c⇌j}), f_cc = f(z):
 * K (K−1) / 2 pseudo-actions beside the draw. Of variable l
 *
 *     ∂/∂φ_lc E_q[f(z)]  ≈  (1/K) Σ_j ( f_cj − (1/K) Σ_m f_mj ) (1 − K π_lj)
 *
 * No bias: ∂/∂φ_c log p(ε) = 1 − e^{φ_c} ε_c, whose mean given π is 1 − K π_c in its place (augment, REINFORCE); swaps leave the law
 * of π alone, so c may be swapped with any j (swap), and all that are had are averaged (merge); the mean over m is a baseline, as
 * Σ_c (1 − K π_c) = 0. With K = 2 it is ARM (estimator_arm.c): bits are those two categories. Groups of other K stay as they were drawn
 * while those of one K swap.
 *
 * Where all pseudo-actions are the draw there is no gradient, and none is evaluated twice: as q gets sharper the cost falls. At
 * worst 1 + K (K−1) / 2 decoder rows an example and draw, of which one goes back: ∇f is that of the draw. The variance is far below
 * that of REINFORCE with one draw; at equal cost leave-one-out baselines with as many draws may be better (Dong, Mnih & Tucker 2021).
 *
 * f is disarm's. Its rows are evaluated a few at a time, and so take no more memory than a few draws. */
#include <stdlib.h>

#include "math/gumbel.h"
#include "vae/score_function.h"
#include "vae/swaps.h"

enum { AT_ONCE = ELBOW_VAE_EVALUATION_ROWS, MOST_SWAPS = 1 << 14 };

typedef struct arsm {
    elbow_latents *latents;
    elbow_swaps swaps;
    real *f;        /* (R): of the draws */
    real *values;   /* (R, P): f of each swap that leads to something new */
    uint32_t *like; /* (R, P): elbow_swaps_compare */
    /* Rows to be evaluated, up to AT_ONCE or R, whichever is more. */
    real *z, *log_px;
    uint32_t *row, *swap, *example;
    uint32_t *next; /* (R): where to look for a row's next swap */
    double *apart;  /* (K, K): f_cj − (1/K) Σ_m f_mj, of the largest K */
    double *pi;     /* (K): 1 − K π */
} arsm;

static elbow_status check_swaps(const elbow_options *options, const elbow_latents *latents) {
    ELBOW_CHECK(elbow_swaps_count(&latents->layers[0], MOST_SWAPS) <= MOST_SWAPS, ELBOW_USAGE,
                "arsm evaluates the decoder for K (K-1) / 2 swaps of K categories, and `%s` has more than "
                "%d; use fewer categories, or set estimator.name = reinforce",
                options->model.latent, MOST_SWAPS);
    return ELBOW_OK;
}

static elbow_status create(elbow_estimator *estimator, const elbow_options *options, elbow_latents *latents,
                           elbow_params *params) {
    (void)params;
    ELBOW_TRY(elbow_score_function_check(estimator, options, latents));
    ELBOW_TRY(elbow_score_function_check_one_layer(estimator, options, latents));
    ELBOW_TRY(elbow_score_function_check_factorised(estimator, options, latents));
    elbow_status status = check_swaps(options, latents);
    if (status != ELBOW_OK) return elbow_options_blame(options, "estimator.name", status);
    arsm *state = estimator->state = calloc(1, sizeof *state);
    ELBOW_CHECK(state != NULL, ELBOW_MEMORY, "no memory for an estimator");
    state->latents = latents;
    return ELBOW_OK;
}

static elbow_status reserve(elbow_estimator *estimator, size_t rows, elbow_arena *arena) {
    arsm *state = estimator->state;
    elbow_stochastic *layer = &state->latents->layers[0];
    size_t room = rows > AT_ONCE ? rows : AT_ONCE, K = 2;
    for (size_t g = 0; g < layer->count; g++)
        if (layer->groups[g].categories > K) K = layer->groups[g].categories;
    ELBOW_TRY(elbow_swaps_reserve(&state->swaps, layer, rows, arena));
    size_t P = state->swaps.count;
    ELBOW_TRY(elbow_arena_reals(arena, rows, &state->f));
    ELBOW_TRY(elbow_arena_reals(arena, rows * P, &state->values));
    ELBOW_TRY(elbow_arena_take(arena, rows * P, sizeof *state->like, &state->like));
    ELBOW_TRY(elbow_arena_reals(arena, room * layer->z_width, &state->z));
    ELBOW_TRY(elbow_arena_reals(arena, room, &state->log_px));
    ELBOW_TRY(elbow_arena_take(arena, room, sizeof *state->row, &state->row));
    ELBOW_TRY(elbow_arena_take(arena, room, sizeof *state->swap, &state->swap));
    ELBOW_TRY(elbow_arena_take(arena, room, sizeof *state->example, &state->example));
    ELBOW_TRY(elbow_arena_take(arena, rows, sizeof *state->next, &state->next));
    ELBOW_TRY(elbow_arena_take(arena, K * K, sizeof *state->apart, &state->apart));
    return elbow_arena_take(arena, K, sizeof *state->pi, &state->pi);
}

static void write_z(arsm *state, size_t count) {
    size_t width = state->latents->layers[0].z_width;
    for (size_t i = 0; i < count; i++)
        elbow_swaps_write(&state->swaps, state->z + i * width, state->row[i], state->swap[i]);
}

/* To each row and swap its own. */
static void keep_values(arsm *state, size_t count) {
    size_t P = state->swaps.count;
    for (size_t i = 0; i < count; i++)
        if (state->swap[i] < P) state->values[state->row[i] * P + state->swap[i]] = state->log_px[i];
}

static void evaluate(arsm *state, const elbow_score *score, const elbow_pass *pass, size_t count) {
    if (count == 0) return;
    write_z(state, count);
    score->evaluate(score->context, pass, state->log_px, state->z, state->example, count);
    keep_values(state, count);
}

/* Close together, whatever their examples. */
static void score_packed(arsm *state, const elbow_score *score, const elbow_pass *pass) {
    size_t R = state->latents->rows, B = state->latents->batch, P = state->swaps.count, count = 0;
    for (size_t r = 0; r < R; r++)
        for (size_t p = 0; p < P; p++) {
            if (state->like[r * P + p] != p) continue;
            state->row[count] = (uint32_t)r;
            state->swap[count] = (uint32_t)p;
            state->example[count] = (uint32_t)(r % B);
            if (++count < AT_ONCE) continue;
            evaluate(state, score, pass, count);
            count = 0;
        }
    evaluate(state, score, pass, count);
}

/* One of each row at a time, as draws are laid out; a row that has no more repeats its draw. */
static void score_in_rows(arsm *state, const elbow_score *score, const elbow_pass *pass) {
    size_t R = state->latents->rows, P = state->swaps.count;
    for (size_t r = 0; r < R; r++) state->next[r] = 0, state->row[r] = (uint32_t)r;
    for (;;) {
        bool some = false;
        for (size_t r = 0; r < R; r++) {
            uint32_t p = state->next[r];
            while (p < P && state->like[r * P + p] != p) p++;
            state->swap[r] = p;
            state->next[r] = p < P ? p + 1 : p;
            some = some || p < P;
        }
        if (!some) return;
        write_z(state, R);
        score->forward(score->context, pass, state->log_px, state->z, R);
        keep_values(state, R);
    }
}

/* Puts swap p of every row, as z, in the place of the draws. */
static void force(arsm *state, const elbow_pass *pass, size_t p) {
    size_t R = state->latents->rows;
    for (size_t r = 0; r < R; r++) state->row[r] = (uint32_t)r, state->swap[r] = (uint32_t)p;
    write_z(state, R);
    elbow_stochastic_force(&state->latents->layers[0], pass, state->z, false);
}

/* The KL's share of the values, where it depends on z. Returns the draws, which it puts back. */
static const real *diverge(arsm *state, const elbow_pass *pass, const elbow_objective *objective) {
    elbow_latents *latents = state->latents;
    elbow_stochastic *layer = &latents->layers[0];
    size_t R = latents->rows, P = state->swaps.count;
    bool varies = false;
    for (size_t g = 0; g < layer->count; g++)
        varies = varies || elbow_score_function_kl_varies(&layer->groups[g]);
    if (!varies) return latents->z;
    for (size_t p = 0; p < P; p++) {
        bool some = false;
        for (size_t r = 0; r < R && !some; r++) some = state->like[r * P + p] == p;
        if (!some) continue;
        force(state, pass, p);
        for (size_t g = 0; g < layer->count; g++) {
            elbow_group *group = &layer->groups[g];
            if (!elbow_score_function_kl_varies(group)) continue;
            if (group->prior->condition) group->prior->condition(group, pass, R);
            elbow_group_kl(group, pass, group->divergence, R, 0);
            for (size_t r = 0; r < R; r++) state->values[r * P + p] -= objective->beta * group->kl[r];
        }
    }
    force(state, pass, P);
    elbow_latents_condition(latents, pass);
    return elbow_stochastic_z(layer);
}

/* f of a row after swap p. */
static double value_of(const arsm *state, size_t row, size_t p) {
    size_t P = state->swaps.count, like = state->like[row * P + p];
    return (double)(like == P ? state->f[row] : state->values[row * P + like]);
}

static bool is_still(const arsm *state, size_t row, size_t begin, size_t count) {
    const uint32_t *like = state->like + row * state->swaps.count + begin;
    for (size_t i = 0; i < count; i++)
        if (like[i] < state->swaps.count) return false;
    return true;
}

static void fill_apart(arsm *state, size_t row, size_t begin, size_t K) {
    double *apart = state->apart;
    size_t p = begin;
    for (size_t c = 0; c < K; c++) {
        apart[c * K + c] = (double)state->f[row];
        for (size_t j = c + 1; j < K; j++) apart[c * K + j] = apart[j * K + c] = value_of(state, row, p++);
    }
    for (size_t j = 0; j < K; j++) {
        double sum = 0;
        for (size_t c = 0; c < K; c++) sum += apart[c * K + j];
        for (size_t c = 0; c < K; c++) apart[c * K + j] -= sum / (double)K;
    }
}

static void variable_backward(arsm *state, real *dq, const uint32_t *words, size_t K, double scale) {
    double *pi = state->pi, sum = 0;
    for (size_t k = 0; k < K; k++) sum += pi[k] = elbow_exponential_of_word(words[k]);
    for (size_t k = 0; k < K; k++) pi[k] = 1 - (double)K * (pi[k] / sum);
    for (size_t c = 0; c < K; c++) {
        double slope = 0;
        for (size_t j = 0; j < K; j++) slope += state->apart[c * K + j] * pi[j];
        dq[c] += (real)(scale / (double)K * slope);
    }
}

static void group_backward(arsm *state, size_t g, double weight) {
    elbow_group *group = &state->latents->layers[0].groups[g];
    size_t R = state->latents->rows, L = group->variables, K = elbow_swaps_categories(group);
    size_t begin = state->swaps.begin[g];
    double scale = -weight / (double)state->latents->samples;
    for (size_t r = 0; r < R; r++) {
        if (is_still(state, r, begin, K * (K - 1) / 2)) continue;
        if (group->z_size == 1) {
            double apart = (double)state->f[r] - value_of(state, r, begin);
            for (size_t v = r * L; v < (r + 1) * L; v++)
                group->dq[v] +=
                    (real)(scale * apart * ((elbow_double_of_word(group->words[v]) + 0.5) * 0x1p-32 - 0.5));
            continue;
        }
        fill_apart(state, r, begin, K);
        for (size_t v = r * L; v < (r + 1) * L; v++)
            variable_backward(state, group->dq + v * K, group->words + v * K, K, scale);
    }
}

static void run(elbow_estimator *estimator, elbow_latents *latents, const elbow_score *score,
                const elbow_pass *pass, const elbow_objective *objective, elbow_terms *terms) {
    arsm *state = estimator->state;
    size_t R = latents->rows, P = state->swaps.count;
    elbow_latents_sample(latents, pass);
    elbow_swaps_take(&state->swaps, R);
    for (size_t r = 0; r < R; r++) elbow_swaps_compare(&state->swaps, state->like + r * P, r);
    if (score->evaluate)
        score_packed(state, score, pass);
    else
        score_in_rows(state, score, pass);
    const real *z = diverge(state, pass, objective);
    elbow_score_function_draws(estimator, latents, score, pass, objective, z, state->f, terms);
    for (size_t g = 0; g < latents->layers[0].count; g++) group_backward(state, g, (double)objective->weight);
    elbow_latents_prior_backward(latents, pass, 0);
}

static void destroy(elbow_estimator *estimator) { free(estimator->state); }

const elbow_estimator_ops elbow_estimator_arsm = {.name = "arsm",
                                                  .reads = "objective.kl",
                                                  .unrelaxed = true,
                                                  .unbiased = true,
                                                  .evaluates = true,
                                                  .create = create,
                                                  .reserve = reserve,
                                                  .run = run,
                                                  .destroy = destroy};
