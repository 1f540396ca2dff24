#include "math/recurrent.h"

#include "math/exp_log.h"

ELBOW_INLINE real sigmoid(real v) { return 1 / (1 + elbow_exp(-v)); }

/* One row. With `more` 0, c is not read. */
ELBOW_INLINE void gates_row(real *restrict h, real *restrict gates, const real *restrict before,
                            const real *restrict c, const real *restrict bi, const real *restrict bh,
                            size_t H, int more) {
    real *n = gates, *r = gates + H, *z = gates + 2 * H, *q = gates + 3 * H;
    ELBOW_IN_PLACE
    for (size_t i = 0; i < H; i++) {
        real a_r = r[i] + (bi[i] + bh[i]), a_z = z[i] + (bi[H + i] + bh[H + i]), a_n = n[i] + bi[2 * H + i];
        if (more) {
            a_r += c[i];
            a_z += c[H + i];
            a_n += c[2 * H + i];
        }
        real reset = sigmoid(a_r), update = sigmoid(a_z), product = q[i] + bh[2 * H + i];
        real fresh = elbow_tanh(a_n + reset * product);
        r[i] = reset;
        z[i] = update;
        q[i] = product;
        n[i] = fresh;
        h[i] = fresh + update * (before[i] - fresh);
    }
}

ELBOW_KERNEL void elbow_gru_gates(real *restrict h, size_t ld_h, real *restrict gates,
                                  const real *restrict before, const real *restrict constant,
                                  const real *restrict bias_ih, const real *restrict bias_hh, size_t rows,
                                  size_t width) {
    for (size_t p = 0; p < rows; p++) {
        real *to = h + p * ld_h, *row = gates + p * 4 * width;
        const real *old = before + p * width;
        if (constant)
            gates_row(to, row, old, constant + p * 3 * width, bias_ih, bias_hh, width, 1);
        else
            gates_row(to, row, old, bias_ih, bias_ih, bias_hh, width, 0);
    }
}

/* With d the gradient in h′ = n + z (h − n):
 *     dz = d (h − n)    dn = d (1 − z)    dh = d z            through h′
 *     da_n = dn (1 − n²)    dr = da_n q    dq = da_n r        through n = tanh(a_n + r q)
 *     da_r = dr r (1 − r)    da_z = dz z (1 − z)              through the gates */
ELBOW_KERNEL void elbow_gru_gates_backward(real *restrict gates, real *restrict carry,
                                           const real *restrict dh, size_t ld_dh, const real *restrict before,
                                           size_t rows, size_t width) {
    const size_t H = width;
    for (size_t p = 0; p < rows; p++) {
        real *n = gates + p * 4 * H, *r = n + H, *z = n + 2 * H, *q = n + 3 * H, *state = carry + p * H;
        const real *from = dh + p * ld_dh, *old = before + p * H;
        ELBOW_IN_PLACE
        for (size_t i = 0; i < H; i++) {
            real d = from[i] + state[i], reset = r[i], update = z[i], fresh = n[i];
            real da_n = d * (1 - update) * ((1 - fresh) * (1 + fresh));
            n[i] = da_n;
            r[i] = da_n * q[i] * (reset * (1 - reset));
            z[i] = d * (old[i] - fresh) * (update * (1 - update));
            q[i] = da_n * reset;
            state[i] = d * update;
        }
    }
}

ELBOW_KERNEL void elbow_gru_constant_gradient(real *restrict dconstant, const real *restrict gates,
                                              size_t rows, size_t width) {
    const size_t H = width;
    for (size_t p = 0; p < rows; p++) {
        const real *n = gates + p * 4 * H, *rz = n + H;
        real *to = dconstant + p * 3 * H;
        for (size_t i = 0; i < 2 * H; i++) to[i] += rz[i];
        for (size_t i = 0; i < H; i++) to[2 * H + i] += n[i];
    }
}
