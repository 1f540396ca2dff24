/* The density of a relaxed categorical sample (categorical.h). */
#include "math/categorical.h"
#include "math/exp_log.h"
#include "math/lanes.h"

enum { PIECE = 1024 }; /* a multiple of ELBOW_LANES */

static const real lost = sizeof(real) == sizeof(float) ? (real)1e-30 : (real)1e-290;

ELBOW_INLINE size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* log q − τ log y */
ELBOW_INLINE void energies(real *restrict energy, const real *restrict y, const real *restrict log_q,
                           size_t n, real temperature) {
    for (size_t i = 0; i < n; ++i) energy[i] = log_q[i] - temperature * elbow_log(y[i] < lost ? lost : y[i]);
}

/* log Σ exp of a row's energies. A row longer than a piece has them made twice. */
ELBOW_INLINE real normalizer(const real *y, const real *log_q, size_t k, real temperature) {
    real energy[PIECE], lanes[ELBOW_LANES] = {0}, most = 0;
    for (size_t begin = 0; begin < k; begin += PIECE) {
        size_t n = least(PIECE, k - begin);
        energies(energy, y + begin, log_q + begin, n, temperature);
        real here = elbow_lane_max(energy, n);
        most = begin == 0 || here > most ? here : most;
    }
    for (size_t begin = 0; begin < k; begin += PIECE) {
        size_t n = least(PIECE, k - begin);
        if (k > PIECE) energies(energy, y + begin, log_q + begin, n, temperature);
        for (size_t i = 0; i < n; ++i) energy[i] = elbow_exp(energy[i] - most);
        elbow_lanes_add(lanes, energy, n);
    }
    return most + elbow_log(elbow_lanes_total(lanes));
}

ELBOW_KERNEL void elbow_concrete_log_density(real *restrict log_density, const real *restrict y,
                                             const real *restrict log_q, size_t rows, size_t k,
                                             real temperature) {
    double constant = (double)(k - (k > 0)) * elbow_log_double((double)temperature);
    for (size_t i = 2; i < k; ++i) constant += elbow_log_double((double)i);
    for (size_t r = 0; r < rows; ++r) {
        const real *from = y + r * k, *l = log_q + r * k;
        real energy[PIECE], lanes[ELBOW_LANES] = {0}, all = normalizer(from, l, k, temperature);
        for (size_t begin = 0; begin < k; begin += PIECE) {
            size_t n = least(PIECE, k - begin);
            energies(energy, from + begin, l + begin, n, temperature);
            for (size_t i = 0; i < n; ++i) energy[i] -= all;
            elbow_lanes_add(lanes, energy, n);
        }
        log_density[r] = (real)constant + elbow_lanes_total(lanes);
    }
}

/* 1 − K s of n categories of a row. */
ELBOW_INLINE void slopes(real *restrict slope, const real *restrict y, const real *restrict log_q, size_t n,
                         size_t k, real temperature, real all, size_t corners) {
    if (corners > 0) {
        real share = (real)k / (real)corners;
        for (size_t i = 0; i < n; ++i) slope[i] = 1 - (y[i] < lost ? share : 0);
        return;
    }
    energies(slope, y, log_q, n, temperature);
    for (size_t i = 0; i < n; ++i) slope[i] = 1 - (real)k * elbow_exp(slope[i] - all);
}

/* log s_j = (a_j − log Σ e^a), a = log q − τ log y: ∂ Σ_k log s_k / ∂a_j = 1 − K s_j. These sum to 0 over a row, so that
 * normalising the logits changes nothing. */
ELBOW_KERNEL void elbow_concrete_log_density_backward(real *restrict dy, real *restrict dlogits,
                                                      const real *restrict weights, const real *restrict y,
                                                      const real *restrict log_q, size_t rows, size_t k,
                                                      real temperature) {
    for (size_t r = 0; r < rows; ++r) {
        const real *from = y + r * k, *l = log_q + r * k;
        size_t corners = 0;
        for (size_t i = 0; i < k; ++i) corners += from[i] < lost;
        real all = corners > 0 ? 0 : normalizer(from, l, k, temperature), weight = weights[r];
        for (size_t begin = 0; begin < k; begin += PIECE) {
            size_t n = least(PIECE, k - begin), at = r * k + begin;
            real slope[PIECE];
            slopes(slope, from + begin, l + begin, n, k, temperature, all, corners);
            for (size_t i = 0; i < n; ++i) slope[i] *= weight;
            if (dlogits != NULL)
                for (size_t i = 0; i < n; ++i) dlogits[at + i] += slope[i];
            if (dy != NULL)
                for (size_t i = 0; i < n; ++i)
                    dy[at + i] -= y[at + i] < lost ? 0 : temperature * slope[i] / y[at + i];
        }
    }
}
