/* A group's numbers, for each of its variables:
 *
 *     gaussian   Σ E[z|x],  Σ E[z|x]²
 *     discrete   Σ q(k) for each code,  how often each is the most probable,  Σ H(q),  Σ KL(q ‖ p)
 */
#include "train/usage.h"

#include <math.h>
#include <string.h>

size_t elbow_latent_codes(const elbow_latent_view *view) {
    if (!view->discrete) return 0;
    return view->z_size > 1 ? view->categories : 2;
}

void elbow_latent_probabilities(const elbow_latent_view *view, double *probability, const real *q) {
    if (view->z_size > 1) {
        for (size_t k = 0; k < view->categories; k++) probability[k] = exp((double)q[k]);
        return;
    }
    double e = exp(-fabs((double)q[0])), more = 1 / (1 + e), less = e / (1 + e);
    probability[0] = q[0] > 0 ? less : more;
    probability[1] = q[0] > 0 ? more : less;
}

static size_t numbers_of(const elbow_latent_view *view) {
    return view->discrete ? 2 * elbow_latent_codes(view) + 2 : 2;
}

elbow_status elbow_usage_create(elbow_usage *usage, const elbow_vae *vae, elbow_arena *arena) {
    size_t most = 0;
    usage->groups = elbow_vae_groups(vae);
    ELBOW_TRY(elbow_arena_take(arena, usage->groups + 1, sizeof *usage->begin, &usage->begin));
    for (size_t g = 0; g < usage->groups; g++) {
        elbow_latent_view view = elbow_vae_group(vae, g);
        usage->begin[g + 1] = usage->begin[g] + view.variables * numbers_of(&view);
        if (elbow_latent_codes(&view) > most) most = elbow_latent_codes(&view);
    }
    usage->width = usage->begin[usage->groups];
    return elbow_arena_take(arena, 2 * most, sizeof *usage->probability, &usage->probability);
}

/* Σ a log a / b, where a = 0 gives 0; b NULL: 1. */
static double divergence(const double *a, const double *b, size_t K) {
    double sum = 0;
    for (size_t k = 0; k < K; k++)
        if (a[k] > 0) sum += a[k] * (log(a[k]) - (b ? log(b[k]) : 0));
    return sum;
}

static void add_discrete(const elbow_usage *usage, const elbow_latent_view *view, const real *q,
                         const real *p, double *numbers) {
    size_t K = elbow_latent_codes(view), best = 0;
    double *probability = usage->probability, *prior = probability + K;
    elbow_latent_probabilities(view, probability, q);
    for (size_t k = 0; k < K; k++) {
        numbers[k] += probability[k];
        if (probability[k] > probability[best]) best = k;
    }
    numbers[K + best]++;
    numbers[2 * K] -= divergence(probability, NULL, K);
    if (p == NULL) return;
    elbow_latent_probabilities(view, prior, p);
    numbers[2 * K + 1] += divergence(probability, prior, K);
}

void elbow_usage_add(const elbow_usage *usage, const elbow_vae *vae, size_t rows, double *sums) {
    for (size_t g = 0; g < usage->groups; g++) {
        elbow_latent_view view = elbow_vae_group(vae, g);
        size_t each = numbers_of(&view);
        for (size_t r = 0; r < rows; r++)
            for (size_t l = 0; l < view.variables; l++) {
                double *numbers = sums + usage->begin[g] + l * each;
                size_t at = (r * view.variables + l) * view.q_size;
                if (view.discrete) {
                    add_discrete(usage, &view, view.q + at, view.p ? view.p + at : NULL, numbers);
                } else {
                    double mean = (double)view.q[at];
                    numbers[0] += mean;
                    numbers[1] += mean * mean;
                }
            }
    }
}

/* One variable of a discrete group. */
static void finish_discrete(const double *numbers, size_t K, double n, elbow_group_measures *m) {
    double entropy = 0;
    for (size_t k = 0; k < K; k++) {
        double average = numbers[k] / n;
        if (average > 0) entropy -= average * log(average);
        m->codes_used += numbers[K + k] > 0;
    }
    double perplexity = exp(entropy),
           kl = m->active_by_kl ? numbers[2 * K + 1] / n : entropy - numbers[2 * K] / n;
    m->active += kl > ELBOW_MEASURE_ACTIVE;
    m->perplexity_mean += perplexity / (double)m->variables;
    if (!(m->perplexity_least <= perplexity)) m->perplexity_least = perplexity;
    if (!(m->perplexity_most >= perplexity)) m->perplexity_most = perplexity;
}

void elbow_usage_finish(const elbow_usage *usage, const elbow_vae *vae, const double *sums, size_t n,
                        elbow_group_measures *measures) {
    for (size_t g = 0; g < usage->groups; g++) {
        elbow_latent_view view = elbow_vae_group(vae, g);
        elbow_group_measures *m = &measures[g];
        size_t each = numbers_of(&view);
        m->kind = view.kind;
        m->discrete = view.discrete;
        m->sequential = view.sequential;
        m->layer = view.layer;
        m->variables = view.variables;
        m->codes = elbow_latent_codes(&view);
        m->active_by_kl = view.discrete && view.p != NULL;
        m->perplexity_least = m->perplexity_most = NAN;
        m->perplexity_mean = view.discrete ? 0 : NAN;
        for (size_t l = 0; l < view.variables; l++) {
            const double *numbers = sums + usage->begin[g] + l * each;
            double mean = numbers[0] / (double)n;
            if (view.discrete)
                finish_discrete(numbers, m->codes, (double)n, m);
            else
                m->active += numbers[1] / (double)n - mean * mean > ELBOW_MEASURE_ACTIVE;
        }
    }
}
