#include "math/categorical.h"

#include <float.h>
#include <string.h>

#include "math/gumbel.h"
#include "math/lanes.h"

/* Rows are taken in tiles that stay in the first cache. Inside a tile what is costly (exponentials, noise) runs over
 * all its elements at once, whatever the row length, and only maxima, sums and products go row by row: ten
 * categories fill no vector, but a hundred variables do. An element's arithmetic does not depend on where in a
 * tile it stands. */
enum {
    TILE = 1024
}; /* a multiple of ELBOW_LANES: a longer row is summed in pieces without changing the order */

static const real lowest = sizeof(real) == sizeof(float) ? (real)-FLT_MAX : (real)-DBL_MAX;

ELBOW_INLINE size_t least(size_t a, size_t b) { return a < b ? a : b; }

ELBOW_INLINE size_t tile_rows(size_t k) { return k < TILE ? TILE / k : 1; }

/* What is summed over a row: a function of element i of a and b. */
typedef real term(const real *a, const real *b, size_t i, real c);

/* e^a of a ≤ 0 */
ELBOW_INLINE real below_exp_term(const real *a, const real *b, size_t i, real c) {
    (void)b, (void)c;
    return elbow_exp_not_positive(a[i]);
}

ELBOW_INLINE real product_term(const real *a, const real *b, size_t i, real c) {
    (void)c;
    return a[i] * b[i];
}

ELBOW_INLINE real value_term(const real *a, const real *b, size_t i, real c) {
    (void)b, (void)c;
    return a[i];
}

/* q (log q + c) */
ELBOW_INLINE real information_term(const real *a, const real *b, size_t i, real c) {
    (void)b;
    return elbow_exp(a[i]) * (a[i] + c);
}

/* Rows that a vector would hold, eight side by side: one row's sum or maximum is a chain that waits for itself. */
enum { SIDE_BY_SIDE = 8 };

/* sums[r] = Σ of row r, in the order of elbow_lane_sum. */
ELBOW_INLINE void sum_rows(real *restrict sums, const real *restrict x, size_t rows, size_t k) {
    size_t r = 0;
    for (; k <= ELBOW_LANES && r + SIDE_BY_SIDE <= rows; r += SIDE_BY_SIDE) {
        real sum[SIDE_BY_SIDE] = {0};
        for (size_t i = 0; i < k; ++i)
            for (size_t j = 0; j < SIDE_BY_SIDE; ++j) sum[j] += x[(r + j) * k + i];
        for (size_t j = 0; j < SIDE_BY_SIDE; ++j) sums[r + j] = sum[j];
    }
    for (; r < rows; ++r) sums[r] = elbow_lane_sum(x + r * k, k);
}

/* most[r] = the largest of row r; NaN may be passed over. */
ELBOW_INLINE void largest_of_rows(real *restrict most, const real *restrict x, size_t rows, size_t k) {
    size_t r = 0;
    for (; k <= ELBOW_LANES && r + SIDE_BY_SIDE <= rows; r += SIDE_BY_SIDE) {
        real largest[SIDE_BY_SIDE];
        for (size_t j = 0; j < SIDE_BY_SIDE; ++j) largest[j] = x[(r + j) * k];
        for (size_t i = 1; i < k; ++i) {
            real v[SIDE_BY_SIDE];
            for (size_t j = 0; j < SIDE_BY_SIDE; ++j) v[j] = x[(r + j) * k + i];
            for (size_t j = 0; j < SIDE_BY_SIDE; ++j) largest[j] = v[j] > largest[j] ? v[j] : largest[j];
        }
        for (size_t j = 0; j < SIDE_BY_SIDE; ++j) most[r + j] = largest[j];
    }
    for (; r < rows; ++r) most[r] = elbow_lane_max(x + r * k, k);
}

/* A tile's values that each stand for a row, laid out one an element, so that what follows runs over the tile at
 * once. They are written in whole vectors: what a row writes too much, the next one puts right. */
typedef real flat_values[TILE + ELBOW_LANES];

/* flat[i] = per_row[i / k] for the first n elements of a tile's rows; of a row longer than a tile, per_row[0]. */
ELBOW_INLINE void spread(flat_values flat, const real *restrict per_row, size_t n, size_t k) {
    if (k <= ELBOW_LANES) { /* one vector a row, and no loop over vectors */
        for (size_t at = 0; at < n; at += k, ++per_row)
            for (size_t j = 0; j < ELBOW_LANES; ++j) flat[at + j] = *per_row;
        return;
    }
    for (size_t at = 0; at < n; at += k, ++per_row)
        for (size_t i = 0; i < least(k, n - at); ++i) flat[at + i] = *per_row;
}

/* The same where a is q and b is log q. */
ELBOW_INLINE real information_of_term(const real *a, const real *b, size_t i, real c) {
    return a[i] * (b[i] + c);
}

/* sums[r] = Σ_k of_term over row r, in the order of elbow_lane_sum. */
ELBOW_INLINE void row_sums(real *restrict sums, term *of_term, const real *restrict a, const real *restrict b,
                           real c, size_t rows, size_t k) {
    real terms[TILE];
    if (k > TILE) {
        for (size_t r = 0; r < rows; ++r) {
            real lanes[ELBOW_LANES] = {0};
            for (size_t begin = 0; begin < k; begin += TILE) {
                size_t n = least(TILE, k - begin), at = r * k + begin;
                for (size_t i = 0; i < n; ++i) terms[i] = of_term(a + at, b + at, i, c);
                elbow_lanes_add(lanes, terms, n);
            }
            sums[r] = elbow_lanes_total(lanes);
        }
        return;
    }
    size_t step = tile_rows(k);
    for (size_t first = 0; first < rows; first += step) {
        size_t count = least(step, rows - first), at = first * k;
        for (size_t i = 0; i < count * k; ++i) terms[i] = of_term(a + at, b + at, i, c);
        sum_rows(sums + first, terms, count, k);
    }
}

/* x − max of its row, at least −(the largest real), so that what follows stays finite. May be in place. */
ELBOW_INLINE void subtract_max(real *out, const real *x, size_t rows, size_t k) {
    real most[TILE];
    flat_values flat;
    largest_of_rows(most, x, rows, k);
    for (size_t begin = 0; begin < rows * k; begin += TILE) {
        size_t n = least(TILE, rows * k - begin);
        spread(flat, most, n, k);
        ELBOW_IN_PLACE
        for (size_t i = 0; i < n; ++i) {
            real below = x[begin + i] - flat[i];
            out[begin + i] = below < lowest ? lowest : below;
        }
    }
}

ELBOW_KERNEL void elbow_log_softmax(real *log_q, const real *logits, size_t rows, size_t k) {
    if (k == 0) return;
    real sums[TILE];
    flat_values flat;
    size_t step = tile_rows(k);
    for (size_t first = 0; first < rows; first += step) {
        size_t count = least(step, rows - first);
        real *out = log_q + first * k;
        subtract_max(out, logits + first * k, count, k);
        row_sums(sums, below_exp_term, out, out, 0, count, k);
        for (size_t r = 0; r < count; ++r) sums[r] = elbow_log(sums[r]);
        for (size_t begin = 0; begin < count * k; begin += TILE) {
            size_t n = least(TILE, count * k - begin);
            spread(flat, sums, n, k);
            for (size_t i = 0; i < n; ++i) out[begin + i] -= flat[i];
        }
    }
}

ELBOW_INLINE void perturb(real *restrict v, const real *restrict log_q, const uint32_t *restrict words,
                          size_t n) {
    elbow_gumbel_of_words(v, words, n);
    for (size_t i = 0; i < n; ++i) v[i] = log_q[i] + v[i];
}

/* A tile's rows, each over its sum. */
ELBOW_INLINE void normalize_rows(real *v, size_t count, size_t k) {
    real sums[TILE];
    flat_values flat;
    size_t n = count * k;
    sum_rows(sums, v, count, k);
    for (size_t r = 0; r < count; ++r) sums[r] = 1 / sums[r];
    for (size_t begin = 0; begin < n; begin += TILE) {
        size_t some = least(TILE, n - begin);
        spread(flat, sums, some, k);
        for (size_t i = 0; i < some; ++i) v[begin + i] *= flat[i];
    }
}

/* softmax(v / τ) of a tile's rows, in place. The maximum is taken off before the division by τ, so that no temperature,
 * however small, makes ∞ − ∞. */
ELBOW_INLINE void temper(real *v, size_t count, size_t k, real temperature) {
    subtract_max(v, v, count, k);
    for (size_t i = 0; i < count * k; ++i) v[i] = elbow_exp_not_positive(v[i] / temperature);
    normalize_rows(v, count, k);
}

ELBOW_KERNEL void elbow_gumbel_softmax(real *y, const real *log_q, const uint32_t *words, size_t rows,
                                       size_t k, real temperature) {
    if (k == 0) return;
    size_t step = tile_rows(k);
    for (size_t first = 0; first < rows; first += step) {
        size_t count = least(step, rows - first);
        real *out = y + first * k;
        perturb(out, log_q + first * k, words + first * k, count * k);
        temper(out, count, k, temperature);
    }
}

ELBOW_KERNEL void elbow_tempered_softmax(real *restrict y, const real *restrict log_q, size_t rows, size_t k,
                                         real temperature) {
    if (k == 0) return;
    size_t step = tile_rows(k);
    for (size_t first = 0; first < rows; first += step) {
        size_t count = least(step, rows - first);
        memcpy(y + first * k, log_q + first * k, count * k * sizeof *y);
        temper(y + first * k, count, k, temperature);
    }
}

/* With E ~ Exp(1) each and Σ π = 1 the largest of log π + g is v_D = −log E_D, whichever D it is, and the others are Gumbels below
 * it, v_j = −log(E_j / π_j + E_D). What softmax takes the exponential of, v_j − v_D = log π_j − log(E_j / E_D + π_j), needs no
 * search for the maximum, and nothing in it overflows.
 *
 * y = e^{(v − v_D)/τ} of a tile's rows, D at drawn[r]. q: exp(log_q), or NULL. */
ELBOW_INLINE void weigh_given(real *restrict y, const real *restrict q, const real *restrict drawn,
                              const real *restrict log_q, const uint32_t *restrict words, size_t count,
                              size_t k, real temperature) {
    real shares[TILE], sums[TILE], own_q[TILE], scale = 1 / temperature;
    uint32_t firsts[TILE];
    flat_values share;
    for (size_t r = 0; r < count; ++r) firsts[r] = words[r * k + (size_t)drawn[r]];
    for (size_t r = 0; r < count; ++r) shares[r] = 1 / elbow_narrow_exponential_of_word(firsts[r]);
    for (size_t begin = 0; begin < count * k; begin += TILE) {
        size_t n = least(TILE, count * k - begin);
        const real *l = log_q + begin, *some = q == NULL ? own_q : q + begin;
        spread(share, shares, n, k);
        for (size_t i = 0; q == NULL && i < n; ++i) own_q[i] = elbow_exp(l[i]);
        for (size_t i = 0; i < n; ++i)
            sums[i] = share[i] * elbow_narrow_exponential_of_word(words[begin + i]) + some[i];
        for (size_t i = 0; i < n; ++i) sums[i] = l[i] - elbow_log_narrow(sums[i]);
        for (size_t i = 0; i < n; ++i)
            y[begin + i] = elbow_exp_not_positive(scale * (sums[i] > 0 ? (real)0 : sums[i]));
    }
    for (size_t r = 0; r < count; ++r) y[r * k + (size_t)drawn[r]] = 1;
}

/* Where each row of the one-hot z is 1. */
ELBOW_INLINE void find_drawn(real *restrict drawn, const real *restrict z, size_t rows, size_t k) {
    for (size_t r = 0; r < rows; ++r) {
        size_t at = 0;
        for (size_t i = 0; i < k; ++i) at = z[r * k + i] > 0 ? i : at;
        drawn[r] = (real)at;
    }
}

ELBOW_KERNEL void elbow_gumbel_softmax_given(real *restrict y, const real *restrict z,
                                             const real *restrict log_q, const uint32_t *restrict words,
                                             size_t rows, size_t k, real temperature) {
    if (k == 0) return;
    real drawn[TILE];
    size_t step = tile_rows(k);
    for (size_t first = 0; first < rows; first += step) {
        size_t count = least(step, rows - first), at = first * k;
        find_drawn(drawn, z + at, count, k);
        weigh_given(y + at, NULL, drawn, log_q + at, words + at, count, k, temperature);
        normalize_rows(y + at, count, k);
    }
}

ELBOW_KERNEL void elbow_gumbel_rao_prepare(real *restrict q, real *restrict drawn, const real *restrict z,
                                           const real *restrict log_q, size_t rows, size_t k) {
    for (size_t i = 0; i < rows * k; ++i) q[i] = elbow_exp(log_q[i]);
    find_drawn(drawn, z, rows, k);
}

ELBOW_KERNEL void elbow_gumbel_rao_backward(real *restrict dlogits, real *restrict y, const real *restrict q,
                                            const real *restrict drawn, const real *restrict log_q,
                                            const uint32_t *restrict words, const real *restrict dy,
                                            size_t rows, size_t k, real temperature, real weight) {
    if (k == 0) return;
    real sums[TILE], means[TILE], scale = weight / temperature;
    flat_values share, mean;
    size_t step = tile_rows(k);
    for (size_t first = 0; first < rows; first += step) {
        size_t count = least(step, rows - first), at = first * k;
        weigh_given(y + at, q + at, drawn + first, log_q + at, words + at, count, k, temperature);
        row_sums(sums, value_term, y + at, y + at, 0, count, k);
        row_sums(means, product_term, y + at, dy + at, 0, count, k);
        for (size_t r = 0; r < count; ++r) {
            means[r] /= sums[r];
            sums[r] = scale / sums[r];
        }
        for (size_t begin = 0; begin < count * k; begin += TILE) {
            size_t n = least(TILE, count * k - begin), here = at + begin;
            spread(share, sums, n, k);
            spread(mean, means, n, k);
            for (size_t i = 0; i < n; ++i)
                dlogits[here + i] += share[i] * y[here + i] * (dy[here + i] - mean[i]);
        }
    }
}

/* a e^b, b ≤ 0 */
ELBOW_INLINE real weighted_term(const real *a, const real *b, size_t i, real c) {
    (void)c;
    return a[i] * elbow_exp(b[i]);
}

/* x ← x (1 − (y / y_D)^τ) over a tile's rows; 0 where drawn, exactly. */
ELBOW_INLINE void weaken(real *restrict x, const real *restrict y, const real *restrict z, size_t count,
                         size_t k, real temperature) {
    const real lost = sizeof(real) == sizeof(float) ? (real)1e-30 : (real)1e-290;
    real tops[TILE];
    flat_values top;
    for (size_t r = 0; r < count; ++r) {
        size_t drawn = 0;
        for (size_t i = 0; i < k; ++i) drawn = z[r * k + i] > 0 ? i : drawn;
        tops[r] = y[r * k + drawn];
    }
    for (size_t begin = 0; begin < count * k; begin += TILE) {
        size_t n = least(TILE, count * k - begin);
        spread(top, tops, n, k);
        for (size_t i = 0; i < n; ++i) {
            real ratio = y[begin + i] / top[i];
            ratio = ratio < lost ? lost : ratio;
            x[begin + i] *= 1 - elbow_exp(temperature * elbow_log(ratio));
        }
    }
}

ELBOW_KERNEL void elbow_gumbel_softmax_given_backward(real *restrict dlogits, const real *restrict y,
                                                      const real *restrict z, const real *restrict log_q,
                                                      const real *restrict dy, size_t rows, size_t k,
                                                      real temperature) {
    if (k == 0) return;
    real sums[TILE], scale = 1 / temperature;
    flat_values sum;
    size_t step = tile_rows(k);
    for (size_t first = 0; first < rows; first += step) {
        size_t count = least(step, rows - first), at = first * k;
        real *out = dlogits + at;
        row_sums(sums, product_term, y + at, dy + at, 0, count, k);
        for (size_t begin = 0; begin < count * k; begin += TILE) {
            size_t n = least(TILE, count * k - begin), here = at + begin;
            spread(sum, sums, n, k);
            for (size_t i = 0; i < n; ++i) out[begin + i] = scale * (y[here + i] * (dy[here + i] - sum[i]));
        }
        weaken(out, y + at, z + at, count, k, temperature);
        row_sums(sums, value_term, out, out, 0, count, k);
        for (size_t begin = 0; begin < count * k; begin += TILE) {
            size_t n = least(TILE, count * k - begin);
            spread(sum, sums, n, k);
            for (size_t i = 0; i < n; ++i) out[begin + i] -= elbow_exp(log_q[at + begin + i]) * sum[i];
        }
    }
}

ELBOW_KERNEL void elbow_gumbel_softmax_given_along(real *restrict dy, const real *restrict y,
                                                   const real *restrict z, const real *restrict log_q,
                                                   const real *restrict dlogits, size_t rows, size_t k,
                                                   real temperature) {
    if (k == 0) return;
    real sums[TILE], scale = 1 / temperature;
    flat_values sum;
    size_t step = tile_rows(k);
    for (size_t first = 0; first < rows; first += step) {
        size_t count = least(step, rows - first), at = first * k;
        real *out = dy + at;
        row_sums(sums, weighted_term, dlogits + at, log_q + at, 0, count, k);
        for (size_t begin = 0; begin < count * k; begin += TILE) {
            size_t n = least(TILE, count * k - begin);
            spread(sum, sums, n, k);
            for (size_t i = 0; i < n; ++i) out[begin + i] = dlogits[at + begin + i] - sum[i];
        }
        weaken(out, y + at, z + at, count, k, temperature);
        row_sums(sums, product_term, y + at, out, 0, count, k);
        for (size_t begin = 0; begin < count * k; begin += TILE) {
            size_t n = least(TILE, count * k - begin);
            spread(sum, sums, n, k);
            for (size_t i = 0; i < n; ++i)
                out[begin + i] = scale * (y[at + begin + i] * (out[begin + i] - sum[i]));
        }
    }
}

/* What is drawn is the maximum of the moved logits already, as 0. */
ELBOW_KERNEL void elbow_gapped_softmax(real *restrict y, const real *restrict z, const real *restrict log_q,
                                       size_t rows, size_t k, real temperature, real gap) {
    if (k == 0) return;
    size_t step = tile_rows(k);
    for (size_t first = 0; first < rows; first += step) {
        size_t count = least(step, rows - first);
        real *out = y + first * k;
        const real *drawn = z + first * k;
        subtract_max(out, log_q + first * k, count, k);
        for (size_t i = 0; i < count * k; ++i) {
            real apart = out[i] < -gap ? out[i] : -gap;
            out[i] = drawn[i] > 0 ? (real)0 : apart;
        }
        temper(out, count, k, temperature);
    }
}

ELBOW_INLINE void one_hot_rows(real *z, const real *y, size_t rows, size_t k) {
    for (size_t r = 0; r < rows; ++r) {
        const real *from = y + r * k;
        size_t best = 0;
        for (size_t i = 1; i < k; ++i) best = from[i] > from[best] ? i : best;
        for (size_t i = 0; i < k; ++i) z[r * k + i] = 0;
        z[r * k + best] = 1;
    }
}

ELBOW_KERNEL void elbow_gumbel_max(real *z, const real *log_q, const uint32_t *words, size_t rows, size_t k) {
    if (k == 0) return;
    size_t step = tile_rows(k);
    for (size_t first = 0; first < rows; first += step) {
        size_t count = least(step, rows - first);
        perturb(z + first * k, log_q + first * k, words + first * k, count * k);
        one_hot_rows(z + first * k, z + first * k, count, k);
    }
}

void elbow_one_hot_argmax(real *z, const real *y, size_t rows, size_t k) {
    if (k > 0) one_hot_rows(z, y, rows, k);
}

/* y = softmax(v / τ), v = log_q + g: ∂y_i/∂v_j = y_i (δ_ij − y_j) / τ, which gives the formula; a further
 * normalisation log_q = logits − log Σ exp(logits) adds −q_j Σ_i dv_i, and Σ_i dv_i = 0. */
ELBOW_KERNEL void elbow_gumbel_softmax_backward(real *restrict dlogits, const real *restrict y,
                                                const real *restrict dy, size_t rows, size_t k,
                                                real temperature) {
    if (k == 0) return;
    real dots[TILE], scale = 1 / temperature;
    flat_values dot;
    size_t step = tile_rows(k);
    for (size_t first = 0; first < rows; first += step) {
        size_t count = least(step, rows - first);
        row_sums(dots, product_term, y + first * k, dy + first * k, 0, count, k);
        for (size_t begin = 0; begin < count * k; begin += TILE) {
            size_t n = least(TILE, count * k - begin), at = first * k + begin;
            spread(dot, dots, n, k);
            for (size_t i = 0; i < n; ++i) dlogits[at + i] += scale * (y[at + i] * (dy[at + i] - dot[i]));
        }
    }
}

ELBOW_KERNEL void elbow_reinmax_backward(real *restrict dlogits, const real *restrict middle,
                                         const real *restrict log_q, const real *restrict dz, size_t rows,
                                         size_t k) {
    if (k == 0) return;
    real middle_dots[TILE], dots[TILE];
    flat_values middle_dot, dot;
    size_t step = tile_rows(k);
    for (size_t first = 0; first < rows; first += step) {
        size_t count = least(step, rows - first);
        row_sums(middle_dots, product_term, middle + first * k, dz + first * k, 0, count, k);
        row_sums(dots, weighted_term, dz + first * k, log_q + first * k, 0, count, k);
        for (size_t begin = 0; begin < count * k; begin += TILE) {
            size_t n = least(TILE, count * k - begin), at = first * k + begin;
            spread(middle_dot, middle_dots, n, k);
            spread(dot, dots, n, k);
            for (size_t i = 0; i < n; ++i)
                dlogits[at + i] += 2 * (middle[at + i] * (dz[at + i] - middle_dot[i])) -
                                   (real)0.5 * (elbow_exp(log_q[at + i]) * (dz[at + i] - dot[i]));
        }
    }
}

ELBOW_KERNEL void elbow_categorical_kl_uniform(real *restrict kl, const real *restrict log_q, size_t rows,
                                               size_t k) {
    if (k == 0) return;
    row_sums(kl, information_term, log_q, log_q, (real)elbow_log_double((double)k), rows, k);
}

ELBOW_KERNEL void elbow_categorical_kl_uniform_backward(real *restrict dlogits, const real *restrict log_q,
                                                        const real *restrict weights, size_t rows, size_t k,
                                                        size_t group) {
    if (k == 0) return;
    real means[TILE], row_weights[TILE], q[TILE];
    flat_values mean, weight;
    size_t step = tile_rows(k), of_group = 0;
    for (size_t first = 0; first < rows; first += step) {
        size_t count = least(step, rows - first);
        for (size_t r = 0; r < count; ++r) { /* counted, because a division is dear */
            row_weights[r] = *weights;
            if (++of_group == group) of_group = 0, ++weights;
        }
        const real *l = log_q + first * k;
        if (k > TILE) {
            row_sums(means, information_term, l, l, 0, count, k);
        } else {
            for (size_t i = 0; i < count * k; ++i) q[i] = elbow_exp(l[i]);
            row_sums(means, information_of_term, q, l, 0, count, k);
        }
        for (size_t begin = 0; begin < count * k; begin += TILE) {
            size_t n = least(TILE, count * k - begin), at = first * k + begin;
            spread(mean, means, n, k);
            spread(weight, row_weights, n, k);
            if (k > TILE)
                for (size_t i = 0; i < n; ++i) q[i] = elbow_exp(log_q[at + i]);
            for (size_t i = 0; i < n; ++i) dlogits[at + i] += weight[i] * (q[i] * (log_q[at + i] - mean[i]));
        }
    }
}

/* A row of variables is one vector of group · K elements; the zeros of z add nothing. */
ELBOW_KERNEL void elbow_categorical_log_prob(real *restrict log_p, const real *restrict z,
                                             const real *restrict log_q, size_t rows, size_t k,
                                             size_t group) {
    if (k == 0 || group == 0) return;
    row_sums(log_p, product_term, z, log_q, 0, rows / group, group * k);
}

/* q (log q − log p) */
ELBOW_INLINE real divergence_term(const real *a, const real *b, size_t i, real c) {
    (void)c;
    return elbow_exp(a[i]) * (a[i] - b[i]);
}

ELBOW_KERNEL void elbow_categorical_kl(real *restrict kl, const real *restrict log_q,
                                       const real *restrict log_p, size_t rows, size_t k) {
    if (k == 0) return;
    row_sums(kl, divergence_term, log_q, log_p, 0, rows, k);
}

/* ∂/∂logits_j of Σ_k f_k(q) with q = softmax(logits) is q_j (f'_j − Σ_k q_k f'_k), f'_j = log q_j − log p_j + 1, and the ones
 * cancel; −Σ_k q_k log p_k gives p_j Σ_k q_k − q_j. */
ELBOW_KERNEL void elbow_categorical_kl_backward(real *restrict dlogits_q, real *restrict dlogits_p,
                                                const real *restrict weights, const real *restrict log_q,
                                                const real *restrict log_p, size_t rows, size_t k) {
    if (k == 0) return;
    real kl[TILE];
    flat_values mean, weight;
    size_t step = tile_rows(k);
    for (size_t first = 0; first < rows; first += step) {
        size_t count = least(step, rows - first);
        row_sums(kl, divergence_term, log_q + first * k, log_p + first * k, 0, count, k);
        for (size_t begin = 0; begin < count * k; begin += TILE) {
            size_t n = least(TILE, count * k - begin), at = first * k + begin;
            spread(mean, kl, n, k);
            spread(weight, weights + first, n, k);
            const real *a = log_q + at, *b = log_p + at;
            if (dlogits_q != NULL)
                for (size_t i = 0; i < n; ++i)
                    dlogits_q[at + i] += weight[i] * (elbow_exp(a[i]) * ((a[i] - b[i]) - mean[i]));
            if (dlogits_p != NULL)
                for (size_t i = 0; i < n; ++i)
                    dlogits_p[at + i] += weight[i] * (elbow_exp(b[i]) - elbow_exp(a[i]));
        }
    }
}

ELBOW_KERNEL void elbow_categorical_log_prob_backward(real *restrict dz, real *restrict dlogits,
                                                      const real *restrict weights, const real *restrict z,
                                                      const real *restrict log_q, size_t rows, size_t k) {
    if (k == 0) return;
    real sums[TILE];
    flat_values sum, weight;
    size_t step = tile_rows(k);
    for (size_t first = 0; first < rows; first += step) {
        size_t count = least(step, rows - first);
        row_sums(sums, value_term, z + first * k, z + first * k, 0, count, k);
        for (size_t begin = 0; begin < count * k; begin += TILE) {
            size_t n = least(TILE, count * k - begin), at = first * k + begin;
            spread(sum, sums, n, k);
            spread(weight, weights + first, n, k);
            const real *v = z + at, *l = log_q + at;
            if (dz != NULL)
                for (size_t i = 0; i < n; ++i) dz[at + i] += weight[i] * l[i];
            if (dlogits != NULL)
                for (size_t i = 0; i < n; ++i)
                    dlogits[at + i] += weight[i] * (v[i] - elbow_exp(l[i]) * sum[i]);
        }
    }
}
