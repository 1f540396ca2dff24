#include "math/softmax_density.h"

#include <float.h>
#include <stdbool.h>
#include <string.h>

#include "math/exp_log.h"
#include "math/lanes.h"

/* As in categorical.c: what is costly runs over all logits of a tile at once, so that variables of few categories fill
 * vectors too; maxima, sums and what depends on a code go variable by variable. */
enum {
    TILE = 1024,    /* logits; a multiple of ELBOW_LANES */
    VARIABLES = 256 /* terms that are summed in real; also the most variables of a tile */
};

static const real lowest = sizeof(real) == sizeof(float) ? (real)-FLT_MAX : (real)-DBL_MAX;

/* x − most, at least −(the largest real), so that ∞ − ∞ cannot follow. */
ELBOW_INLINE void subtract(real *restrict out, const real *restrict x, real most, size_t n) {
    for (size_t i = 0; i < n; ++i) {
        real below = x[i] - most;
        out[i] = below < lowest ? lowest : below;
    }
}

/* Variables first … last − 1, whose logits fit a tile. `logits` is the row's. */
ELBOW_INLINE void tile_terms(real *restrict term, real *restrict logits, const uint32_t *restrict codes,
                             const size_t *restrict begin, size_t first, size_t last, int gradient) {
    real e[TILE], sum[VARIABLES], value[VARIABLES];
    real *l = logits + begin[first];
    size_t m = last - first, n = begin[last] - begin[first];
    for (size_t j = 0; j < m; ++j) {
        size_t at = begin[first + j] - begin[first], k = begin[first + j + 1] - begin[first + j];
        uint32_t code = codes[first + j];
        subtract(e + at, l + at, elbow_lane_max(l + at, k), k);
        value[j] = code < k ? e[at + code] : 0;
    }
    for (size_t i = 0; i < n; ++i) e[i] = elbow_exp(e[i]);
    for (size_t j = 0; j < m; ++j) {
        size_t at = begin[first + j] - begin[first], k = begin[first + j + 1] - begin[first + j];
        sum[j] = elbow_lane_sum(e + at, k);
    }
    for (size_t j = 0; j < m; ++j) term[j] = value[j] - elbow_log(sum[j]);
    if (gradient)
        for (size_t j = 0; j < m; ++j) sum[j] = -1 / sum[j];
    for (size_t j = 0; j < m; ++j) {
        size_t at = begin[first + j] - begin[first], k = begin[first + j + 1] - begin[first + j];
        uint32_t code = codes[first + j];
        bool known = code < k;
        if (!known) term[j] = 0;
        if (!gradient) continue;
        real factor = known ? sum[j] : 0;
        for (size_t i = 0; i < k; ++i) l[at + i] = factor * e[at + i];
        if (known) l[at + code] += 1;
    }
}

/* One variable of more logits than a tile has. The sum's order is that of a short one. */
ELBOW_INLINE real long_term(real *restrict l, uint32_t code, size_t k, int gradient) {
    if (code >= k) {
        if (gradient) memset(l, 0, k * sizeof *l);
        return 0;
    }
    real e[TILE], lanes[ELBOW_LANES] = {0}, most = elbow_lane_max(l, k), value = l[code] - most;
    value = value < lowest ? lowest : value;
    for (size_t at = 0; at < k; at += TILE) {
        size_t n = k - at < TILE ? k - at : TILE;
        subtract(e, l + at, most, n);
        for (size_t i = 0; i < n; ++i) e[i] = elbow_exp(e[i]);
        elbow_lanes_add(lanes, e, n);
        if (gradient) memcpy(l + at, e, n * sizeof *l);
    }
    real sum = elbow_lanes_total(lanes), factor = -1 / sum;
    if (gradient) {
        for (size_t i = 0; i < k; ++i) l[i] *= factor;
        l[code] += 1;
    }
    return value - elbow_log(sum);
}

/* The first variable that does not fit a tile which begins at `first`; first itself where it is too long alone. */
ELBOW_INLINE size_t tile_end(const size_t *begin, size_t first, size_t end) {
    size_t last = first;
    while (last < end && begin[last + 1] - begin[first] <= TILE) ++last;
    return last;
}

ELBOW_INLINE double row_log_prob(real *restrict logits, const uint32_t *restrict codes,
                                 const size_t *restrict begin, size_t count, int gradient) {
    double sum = 0;
    for (size_t block = 0; block < count; block += VARIABLES) {
        size_t end = count - block < VARIABLES ? count : block + VARIABLES;
        real term[VARIABLES], lanes[ELBOW_LANES] = {0};
        for (size_t first = block; first < end;) {
            size_t last = tile_end(begin, first, end);
            if (last > first) {
                tile_terms(term + (first - block), logits, codes, begin, first, last, gradient);
            } else {
                size_t k = begin[first + 1] - begin[first];
                term[first - block] = long_term(logits + begin[first], codes[first], k, gradient);
                last = first + 1;
            }
            first = last;
        }
        elbow_lanes_add(lanes, term, end - block);
        for (int j = 0; j < ELBOW_LANES; ++j) sum += (double)lanes[j];
    }
    return sum;
}

ELBOW_KERNEL void elbow_softmax_log_prob(double *log_p, real *logits, const uint32_t *codes, size_t rows,
                                         size_t batch, const size_t *begin, size_t count, size_t stride,
                                         int gradient) {
    for (size_t r = 0; r < rows; ++r) {
        const uint32_t *row_codes = codes + (r % batch) * count;
        real *row = logits + r * stride;
        size_t used = count; /* sequences end in missing values: nothing is computed for them */
        while (used > 0 && row_codes[used - 1] == ELBOW_CODE_MISSING) --used;
        if (gradient) memset(row + begin[used], 0, (begin[count] - begin[used]) * sizeof *row);
        if (gradient)
            log_p[r] += row_log_prob(row, row_codes, begin, used, 1);
        else
            log_p[r] += row_log_prob(row, row_codes, begin, used, 0);
    }
}

static uint32_t largest(const real *l, size_t k) {
    size_t best = 0;
    for (size_t i = 1; i < k; ++i) best = l[i] > l[best] ? i : best;
    return (uint32_t)best;
}

/* Unnormalised probability of one category; most is the largest logit. */
ELBOW_INLINE double weight_of(real l, real most, real temperature) {
    real below = (l - most) / temperature;
    return (double)elbow_exp(below < lowest ? lowest : below);
}

/* u < 1 by at least 2⁻³³, so the product below is less than the total in double, and the search ends inside. */
static uint32_t draw(const real *l, size_t k, uint32_t word, real temperature) {
    real most = elbow_lane_max(l, k);
    double total = 0, cumulated = 0, u = ((double)word + 0.5) * 0x1p-32;
    for (size_t i = 0; i < k; ++i) total += weight_of(l[i], most, temperature);
    size_t i = 0;
    for (; i + 1 < k; ++i) {
        cumulated += weight_of(l[i], most, temperature);
        if (cumulated > u * total) break;
    }
    return (uint32_t)i;
}

void elbow_softmax_draw(uint32_t *codes, const real *logits, const uint32_t *words, const size_t *begin,
                        size_t count, real temperature) {
    for (size_t j = 0; j < count; ++j) {
        const real *l = logits + begin[j];
        size_t k = begin[j + 1] - begin[j];
        codes[j] = temperature > 0 ? draw(l, k, words[j], temperature) : largest(l, k);
    }
}

void elbow_softmax_mean_code(real *means, const real *logits, const size_t *begin, size_t count) {
    for (size_t j = 0; j < count; ++j) {
        const real *l = logits + begin[j];
        size_t k = begin[j + 1] - begin[j];
        real most = elbow_lane_max(l, k);
        double total = 0, moment = 0;
        for (size_t i = 0; i < k; ++i) {
            double weight = weight_of(l[i], most, 1);
            total += weight;
            moment += weight * (double)i;
        }
        means[j] = (real)(moment / total);
    }
}

void elbow_codes_of_values(uint32_t *codes, const real *x, const size_t *column, const size_t *begin,
                           size_t count, real scale) {
    for (size_t j = 0; j < count; ++j) {
        real value = x[column ? column[j] : j] * scale + (real)0.5, k = (real)(begin[j + 1] - begin[j]);
        codes[j] = value >= 0 && value < k ? (uint32_t)value : ELBOW_CODE_MISSING;
    }
}
