/* The objective of a training step, written plainly: one example, one variable, one sum after another, in double, from
 * the formulas in the headers and nothing of the library but the words of its streams.
 *
 * Soft:              z = y = softmax((log q + g) / τ)
 * Straight-through:  z = y + shift, where shift = one-hot(y₀) − y₀ was taken at some parameters θ₀ and then stands
 *                    still. At θ₀ that is the one-hot sample, and its derivative there is the estimator's. */
#ifndef ELBOW_TESTS_GRADIENT_PLAIN_VAE_H
#define ELBOW_TESTS_GRADIENT_PLAIN_VAE_H

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "elbow/base/random.h"
#include "elbow/vae/vae.h"

enum { PLAIN_WIDTH = 64, PLAIN_GROUPS = 4 };

typedef struct plain_vae {
    const elbow_params *params;
    const elbow_pass *pass; /* its parameters, seed, shard, step, example */
    const real *x;          /* (rows, dimensions) */
    size_t rows, samples, dimensions;
    size_t encoder_layers, decoder_layers, groups;
    size_t variables[PLAIN_GROUPS], categories[PLAIN_GROUPS];
    const char *activation;
    bool relu_logits;
    elbow_objective objective;
    double *shift;       /* (samples, rows, all groups' L·K) */
    bool harden;         /* set shift, in place of using it */
    size_t pushed, free; /* how many (example, group) pairs had KL above and below the free bits */
} plain_vae;

static inline double plain_activation(const char *name, double a) {
    switch (name[0]) {
    case 't':
        return tanh(a);
    case 'r':
        return a > 0 ? a : 0;
    case 'l':
        return name[1] == 'i' || a > 0 ? a : 0.01 * a; /* linear, leaky_relu */
    default:
        return NAN;
    }
}

/* y = f(W x + b) for the tensors NAME.weight and NAME.bias; returns the width of y. */
static inline size_t plain_dense(const plain_vae *p, const char *name, const char *activation, double *y,
                                 const double *x) {
    char tensor[ELBOW_TENSOR_NAME + 8];
    snprintf(tensor, sizeof tensor, "%s.weight", name);
    const elbow_tensor *weight = elbow_params_find(p->params, tensor);
    snprintf(tensor, sizeof tensor, "%s.bias", name);
    const elbow_tensor *bias = elbow_params_find(p->params, tensor);
    assert_true(weight && bias && weight->shape[0] <= PLAIN_WIDTH);
    for (size_t o = 0; o < weight->shape[0]; ++o) {
        double sum = p->pass->parameters[bias->offset + o];
        for (size_t i = 0; i < weight->shape[1]; ++i)
            sum += p->pass->parameters[weight->offset + o * weight->shape[1] + i] * x[i];
        y[o] = plain_activation(activation, sum);
    }
    return weight->shape[0];
}

/* A network, in place. */
static inline void plain_layers(const plain_vae *p, const char *name, size_t layers, double *values) {
    for (size_t l = 0; l < layers; ++l) {
        char layer[32];
        double y[PLAIN_WIDTH];
        snprintf(layer, sizeof layer, "%s.%zu", name, l);
        size_t width = plain_dense(p, layer, p->activation, y, values);
        memcpy(values, y, width * sizeof *y);
    }
}

/* log q of K logits, in place; returns KL(q ‖ uniform). */
static inline double plain_normalize(double *logits, size_t K) {
    double sum = 0, kl = log((double)K);
    for (size_t k = 0; k < K; ++k) sum += exp(logits[k]);
    for (size_t k = 0; k < K; ++k) logits[k] -= log(sum);
    for (size_t k = 0; k < K; ++k) kl += exp(logits[k]) * logits[k];
    return kl;
}

static inline double plain_gumbel(const plain_vae *p, size_t group, size_t row, size_t sample, size_t w) {
    char name[48];
    uint32_t words[4];
    size_t blocks = (p->variables[group] * p->categories[group] + 3) / 4;
    snprintf(name, sizeof name, "latent.%zu.gumbel", group);
    elbow_stream_block(elbow_stream_make(p->pass->seed, p->pass->shard, name),
                       (uint32_t)(sample * blocks + w / 4), p->pass->example + (uint32_t)row, p->pass->step,
                       words);
    return -log(-log((words[w % 4] + 0.5) / 4294967296.0));
}

/* z of one draw of one example: all groups, from their log q side by side. */
static inline void plain_draw(plain_vae *p, double *z, const double *log_q, size_t row, size_t sample,
                              size_t width) {
    double *shift = p->shift + (sample * p->rows + row) * width;
    size_t at = 0;
    for (size_t g = 0; g < p->groups; ++g)
        for (size_t l = 0; l < p->variables[g]; ++l) {
            size_t K = p->categories[g], best = 0;
            double sum = 0;
            for (size_t k = 0; k < K; ++k) {
                double noise = plain_gumbel(p, g, row, sample, l * K + k);
                z[at + k] = exp((log_q[at + k] + noise) / p->objective.temperature);
                sum += z[at + k];
                if (z[at + k] > z[at + best]) best = k;
            }
            for (size_t k = 0; k < K; ++k) {
                z[at + k] /= sum;
                if (p->harden) shift[at + k] = (k == best) - z[at + k];
                z[at + k] += shift[at + k];
            }
            at += K;
        }
}

static inline double plain_log_px(const plain_vae *p, double *z, const real *x) {
    double l[PLAIN_WIDTH], log_px = 0;
    plain_layers(p, "decoder", p->decoder_layers, z);
    plain_dense(p, "likelihood", "linear", l, z);
    for (size_t d = 0; d < p->dimensions; ++d)
        log_px += x[d] * log(1 / (1 + exp(-l[d]))) + (1 - x[d]) * log(1 / (1 + exp(l[d])));
    return log_px;
}

static inline elbow_terms plain_terms(plain_vae *p) {
    elbow_terms terms = {0};
    p->pushed = p->free = 0;
    for (size_t row = 0; row < p->rows; ++row) {
        const real *x = p->x + row * p->dimensions;
        double features[PLAIN_WIDTH], log_q[PLAIN_WIDTH], penalty = 0, kl_all = 0, log_px = 0;
        size_t width = 0;
        for (size_t d = 0; d < p->dimensions; ++d) features[d] = x[d];
        plain_layers(p, "encoder", p->encoder_layers, features);
        for (size_t g = 0; g < p->groups; ++g) {
            char name[32];
            double kl = 0;
            snprintf(name, sizeof name, "posterior.%zu", g);
            plain_dense(p, name, p->relu_logits ? "relu" : "linear", log_q + width, features);
            for (size_t l = 0; l < p->variables[g]; ++l, width += p->categories[g])
                kl += plain_normalize(log_q + width, p->categories[g]);
            kl_all += kl;
            penalty += fmax(kl, p->objective.free_bits);
            *(kl > p->objective.free_bits ? &p->pushed : &p->free) += 1;
        }
        for (size_t s = 0; s < p->samples; ++s) {
            double z[PLAIN_WIDTH];
            plain_draw(p, z, log_q, row, s, width);
            log_px += plain_log_px(p, z, x) / (double)p->samples;
        }
        terms.reconstruction += log_px;
        terms.kl += kl_all;
        terms.objective += log_px - p->objective.beta * penalty;
    }
    terms.elbo = terms.reconstruction - terms.kl;
    return terms;
}

#endif
