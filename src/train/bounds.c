#include "train/bounds.h"

#include <math.h>

#include "train/blocks.h"

enum { BLOCK = ELBOW_EVALUATE_BLOCK };

elbow_status elbow_bounds_reserve(elbow_bounds *b, const elbow_vae *vae, elbow_arena *arena) {
    real **reals[] = {&b->log_px, &b->kl_draw, &b->log_weight};
    double **doubles[] = {&b->elbo, &b->reconstruction, &b->kl, &b->iwae, &b->soft, &b->most, &b->sum};
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
        ELBOW_TRY(elbow_arena_reals(arena, BLOCK, reals[i]));
    for (size_t i = 0; i < sizeof doubles / sizeof *doubles; i++)
        ELBOW_TRY(elbow_arena_take(arena, BLOCK, sizeof(double), doubles[i]));
    b->classes = elbow_vae_classes(vae);
    return elbow_arena_take(arena, BLOCK * b->classes, sizeof *b->votes, &b->votes);
}

/* most + log(sum) ← log(exp(most + log(sum)) + exp(w)), without overflow. */
static void add_log_weight(double *most, double *sum, double w) {
    if (w == -(double)INFINITY) return; /* adds nothing, and −∞ − −∞ is no number */
    if (w > *most) {
        *sum = *sum * exp(*most - w) + 1;
        *most = w;
    } else {
        *sum += exp(w - *most);
    }
}

static size_t soft_samples(const elbow_bounds_request *request) {
    return request->samples < ELBOW_EVALUATE_SOFT ? request->samples : ELBOW_EVALUATE_SOFT;
}

/* Of a semi-supervised model: q(y|x) is the mean over draws of what is below y. */
static void add_votes(elbow_bounds *b, const elbow_vae *vae, size_t rows) {
    const real *log_q = b->classes > 0 ? elbow_vae_label_log_q(vae) : NULL;
    for (size_t i = 0; i < rows * b->classes; i++) b->votes[i] += exp((double)log_q[i]);
}

static void count_right(elbow_bounds *b, const elbow_batch *batch) {
    b->labels = b->right = 0;
    if (b->classes == 0 || batch->y.field == NULL) return;
    for (size_t r = 0; r < batch->rows; r++) {
        const double *votes = b->votes + r * b->classes;
        size_t best = 0;
        if (isnan(batch->y.reals[r])) continue;
        for (size_t k = 1; k < b->classes; k++)
            if (votes[k] > votes[best]) best = k;
        b->labels++;
        b->right += (size_t)batch->y.reals[r] == best;
    }
}

void elbow_bounds_find(elbow_bounds *b, elbow_vae *vae, elbow_pass *pass, const elbow_batch *batch,
                       const elbow_bounds_request *request) {
    size_t rows = batch->rows, samples = request->samples;
    bool closed = elbow_vae_kl_closed(vae), iwae = request->iwae; /* closed: one draw says it all */
    elbow_vae_encode(vae, pass, batch);
    for (size_t r = 0; r < rows; r++) {
        b->reconstruction[r] = b->kl[r] = b->soft[r] = b->sum[r] = 0;
        b->most[r] = -INFINITY;
    }
    for (size_t i = 0; i < rows * b->classes; i++) b->votes[i] = 0;
    for (size_t d = 0; d < samples; d++) {
        pass->step = d;
        bool diverge = d == 0 || !closed;
        elbow_vae_draw(vae, pass, 0, b->log_px, diverge ? b->kl_draw : NULL, iwae ? b->log_weight : NULL);
        for (size_t r = 0; r < rows; r++) {
            b->reconstruction[r] += (double)b->log_px[r];
            if (diverge) b->kl[r] += (double)b->kl_draw[r];
            if (iwae) add_log_weight(&b->most[r], &b->sum[r], (double)b->log_weight[r]);
        }
        add_votes(b, vae, rows);
        if (request->drawn) request->drawn(request->context, d, rows, diverge);
        if (request->temperature <= 0 || d >= ELBOW_EVALUATE_SOFT) continue;
        elbow_vae_draw(vae, pass, (real)request->temperature, b->log_px, NULL, NULL);
        for (size_t r = 0; r < rows; r++) b->soft[r] += (double)b->log_px[r];
    }
    count_right(b, batch);
    for (size_t r = 0; r < rows; r++) {
        b->kl[r] /= closed ? 1 : (double)samples;
        b->reconstruction[r] /= (double)samples;
        b->elbo[r] = b->reconstruction[r] - b->kl[r];
        b->iwae[r] = iwae ? b->most[r] + log(b->sum[r] / (double)samples) : 0;
        b->soft[r] /= (double)soft_samples(request);
    }
}

elbow_bound_sums elbow_bounds_sum(const elbow_bounds *b, size_t rows) {
    elbow_bound_sums sums = {.labels = b->labels, .right = b->right};
    for (size_t r = 0; r < rows; r++) {
        sums.elbo += b->elbo[r];
        sums.elbo_square += b->elbo[r] * b->elbo[r];
        sums.reconstruction += b->reconstruction[r];
        sums.kl += b->kl[r];
        sums.soft_reconstruction += b->soft[r];
        sums.iwae += b->iwae[r];
        sums.iwae_square += b->iwae[r] * b->iwae[r];
    }
    return sums;
}

void elbow_bounds_mean(elbow_evaluation *result, const elbow_bound_sums *blocks, size_t count, size_t stride,
                       size_t examples, const elbow_bounds_request *request) {
    elbow_bound_sums sums = {0};
    for (size_t b = 0; b < count; b++) {
        const elbow_bound_sums *block = (const void *)((const char *)blocks + b * stride);
        sums.elbo += block->elbo;
        sums.elbo_square += block->elbo_square;
        sums.reconstruction += block->reconstruction;
        sums.kl += block->kl;
        sums.soft_reconstruction += block->soft_reconstruction;
        sums.iwae += block->iwae;
        sums.iwae_square += block->iwae_square;
        sums.labels += block->labels;
        sums.right += block->right;
    }
    double n = (double)examples;
    bool soft = request->temperature > 0, iwae = request->iwae;
    *result = (elbow_evaluation){
        .examples = examples,
        .samples = request->samples,
        .elbo = sums.elbo / n,
        .elbo_error = elbow_standard_error(sums.elbo, sums.elbo_square, n),
        .reconstruction = sums.reconstruction / n,
        .kl = sums.kl / n,
        .iwae = iwae ? sums.iwae / n : NAN,
        .iwae_error = iwae ? elbow_standard_error(sums.iwae, sums.iwae_square, n) : NAN,
        .soft_elbo = soft ? (sums.soft_reconstruction - sums.kl) / n : NAN,
        .soft_reconstruction = soft ? sums.soft_reconstruction / n : NAN,
        .temperature = soft ? request->temperature : NAN,
        .accuracy = sums.labels > 0 ? sums.right / sums.labels : NAN,
    };
}
