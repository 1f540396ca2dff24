/* RAdam (Liu et al. 2020, "On the variance of the adaptive learning rate and beyond", algorithm 2), with decoupled weight
 * decay; formulas in optimizer.h.
 *
 * In its first steps Adam divides by the root of a mean of few squares: the variance of 1 / √v̂ is infinite for the first
 * four, and large for a while, which is what warm-up hides. RAdam takes ρ_t as the length of the simple moving average with
 * the same centre of mass as v̂'s weights, approximates the variance from it, and shrinks each step by r_t, the ratio of
 * the standard deviation at ρ_∞, the limit, to that at ρ_t. While ρ_t is too small for that it is momentum alone:
 * lr · m̂, undivided, so the first five steps have a gradient's scale and not Adam's.
 *
 * The paper switches where ρ_t > 4, where the variance begins to exist; its authors' program and PyTorch wait for 5, since
 * the approximation is poor at the edge, and so does this. With β2 = 0.999 that is from step 6 on (ρ_t is about t at
 * first); with β2 ≤ 2/3, ρ_∞ is at most 5, and it never comes. The paper's l_t = √((1 − β2^t) / v) has no ε; like
 * PyTorch's, this adds it to √v as stored, before the correction, and not to √v̂ as Adam does. */
#include <math.h>

#include "optim/moments.h"

static const double tractable = 5;

/* 1 − β^t. expm1, because ρ_t is the small difference of two terms near 2 / (1 − β2). */
static double filled(double beta, double t) { return beta > 0 ? -expm1(t * log(beta)) : 1; }

/* r_t, or 0 where it is not to be had. */
static double rectification(double beta2, double t) {
    double limit = 2 / (1 - beta2) - 1; /* ρ_∞ */
    double full = filled(beta2, t);
    double rho = limit - 2 * t * (1 - full) / full;
    if (!(rho > tractable)) return 0;
    return sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho));
}

/* In the terms of moments.h: divided by √v + ε, or by √v · 0 + 1. */
static void step(elbow_optimizer *optimizer, int64_t t, double learning_rate, real scale, real *gradient,
                 real *parameters) {
    double r = rectification(optimizer->beta2, (double)t);
    double rate = learning_rate / filled(optimizer->beta1, (double)t);
    elbow_moments c = elbow_moments_make(optimizer, learning_rate, scale);
    c.rate = (real)(r > 0 ? rate * r * sqrt(filled(optimizer->beta2, (double)t)) : rate);
    c.root = r > 0 ? 1 : 0;
    c.epsilon = r > 0 ? (real)optimizer->epsilon : 1;
    elbow_moments_update(optimizer, &c, gradient, parameters);
}

const elbow_optimizer_ops elbow_optimizer_radam = {
    .name = "radam",
    .reads = "optimizer.beta1 optimizer.beta2 optimizer.epsilon",
    .slots = 2,
    .slot_names = {"first_moment", "second_moment"},
    .step = step,
};
