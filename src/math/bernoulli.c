#include "math/bernoulli.h"

#include "math/exp_log.h"
#include "math/lanes.h"

enum { BLOCK = 256 }; /* dimensions whose terms are summed in real */

/* With e = e^{−|l|}: log p = x l − max(l, 0) − log(1 + e), and σ(−|l|) = t = e / (1 + e). The gradient x − σ(l) is
 * taken as x − t for l < 0 and (x − 1) + t for l ≥ 0, because 1 − t would round to 1 and lose the gradient of a
 * well-predicted x = 1.
 *
 * Three short loops rather than one: an element's arithmetic is one chain of some fifty dependent operations, and
 * a processor that looks a hundred operations ahead would find little else to do. Of short chains it sees several. */
ELBOW_INLINE void block_terms(real *restrict term, real *restrict logits, const real *restrict x, size_t n,
                              int gradient, int missing) {
    real e[BLOCK];
    for (size_t i = 0; i < n; ++i) e[i] = elbow_exp_not_positive(-elbow_abs(logits[i]));
    for (size_t i = 0; i < n; ++i) {
        real l = logits[i], v = x[i];
        real positive = l < 0 ? (real)0 : l;
        real value = (v * l - positive) - elbow_log1p_unit(e[i]);
        term[i] = missing && v != v ? (real)0 : value;
    }
    if (!gradient) return;
    for (size_t i = 0; i < n; ++i) {
        real l = logits[i], v = x[i];
        real t = e[i] / (1 + e[i]);
        real slope = l < 0 ? v - t : (v - 1) + t;
        logits[i] = missing && v != v ? (real)0 : slope;
    }
}

ELBOW_INLINE real row_log_prob(real *restrict logits, const real *restrict x, size_t n, int gradient,
                               int missing) {
    double sum = 0;
    for (size_t begin = 0; begin < n; begin += BLOCK) {
        size_t count = n - begin < BLOCK ? n - begin : BLOCK;
        real term[BLOCK], lanes[ELBOW_LANES] = {0};
        block_terms(term, logits + begin, x + begin, count, gradient, missing);
        elbow_lanes_add(lanes, term, count);
        for (int j = 0; j < ELBOW_LANES; ++j) sum += (double)lanes[j];
    }
    return (real)sum;
}

ELBOW_INLINE void rows_log_prob(real *log_p, real *logits, const real *x, size_t rows, size_t batch, size_t n,
                                int gradient, int missing) {
    for (size_t r = 0; r < rows; ++r) {
        const real *target = x + (r % batch) * n;
        if (gradient)
            log_p[r] = row_log_prob(logits + r * n, target, n, 1, missing);
        else
            log_p[r] = row_log_prob(logits + r * n, target, n, 0, missing);
    }
}

ELBOW_KERNEL void elbow_bernoulli_log_prob(real *log_p, real *logits, const real *x, size_t rows,
                                           size_t batch, size_t n, int gradient) {
    rows_log_prob(log_p, logits, x, rows, batch, n, gradient, 0);
}

ELBOW_KERNEL void elbow_bernoulli_log_prob_missing(real *log_p, real *logits, const real *x, size_t rows,
                                                   size_t batch, size_t n, int gradient) {
    rows_log_prob(log_p, logits, x, rows, batch, n, gradient, 1);
}

ELBOW_KERNEL void elbow_sigmoid(real *mean, const real *logits, size_t n) {
    ELBOW_IN_PLACE
    for (size_t i = 0; i < n; ++i) {
        real l = logits[i];
        real e = elbow_exp(l < 0 ? l : -l);
        mean[i] = (l < 0 ? e : (real)1) / (1 + e);
    }
}

ELBOW_KERNEL void elbow_bernoulli_draw(real *restrict p, const uint32_t *restrict words, size_t n) {
    for (size_t i = 0; i < n; ++i)
        p[i] = (elbow_double_of_word(words[i]) + 0.5) * 0x1p-32 < (double)p[i] ? (real)1 : (real)0;
}
