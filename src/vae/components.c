#include "vae/components.h"

#include <string.h>

#include "math/exp_log.h"
#include "math/vector.h"
#include "nn/pass.h"

elbow_status elbow_components_reserve(elbow_components *components, const elbow_group *group, size_t rows,
                                      bool training, elbow_arena *arena) {
    size_t C = components->count, variables = C * group->variables;
    ELBOW_TRY(elbow_arena_reals(arena, C * group->q_width, &components->parameters));
    ELBOW_TRY(elbow_arena_reals(arena, C, &components->log_weights));
    ELBOW_TRY(elbow_arena_reals(arena, rows * C, &components->shares));
    ELBOW_TRY(elbow_arena_reals(arena, C * group->z_width, &components->z));
    ELBOW_TRY(elbow_arena_reals(arena, variables, &components->values));
    ELBOW_TRY(elbow_arena_take(arena, rows, sizeof *components->words, &components->words));
    if (!training) return ELBOW_OK;
    ELBOW_TRY(elbow_arena_reals(arena, C * group->z_width, &components->dz));
    return elbow_arena_reals(arena, variables, &components->weights);
}

/* A row of z, once for each component. */
static void repeat(const elbow_components *components, const elbow_group *group, size_t row) {
    const real *z = group->z + row * group->z_width;
    for (size_t c = 0; c < components->count; c++)
        memcpy(components->z + c * group->z_width, z, group->z_width * sizeof *z);
}

/* joint (C), log w_c p_c(z) → ρ; returns log Σ exp. */
static real share(real *joint, size_t count) {
    real most = joint[0];
    double sum = 0;
    for (size_t c = 1; c < count; c++) most = joint[c] > most ? joint[c] : most;
    for (size_t c = 0; c < count; c++) sum += (double)(joint[c] = elbow_exp(joint[c] - most));
    real scale = (real)(1 / sum);
    for (size_t c = 0; c < count; c++) joint[c] *= scale;
    return most + elbow_log((real)sum);
}

void elbow_components_log_prob(elbow_components *components, const elbow_group *group, real *log_p,
                               size_t rows) {
    size_t C = components->count, L = group->variables;
    for (size_t r = 0; r < rows; r++) {
        real *joint = components->shares + r * C;
        repeat(components, group, r);
        group->latent->log_prob(group, components->values, components->z, components->parameters, C * L);
        for (size_t c = 0; c < C; c++) {
            double sum = (double)components->log_weights[c];
            for (size_t l = 0; l < L; l++) sum += (double)components->values[c * L + l];
            joint[c] = (real)sum;
        }
        log_p[r] = share(joint, C);
    }
}

void elbow_components_log_prob_backward(elbow_components *components, elbow_group *group, real *dheads,
                                        real *dlogits, const real *weights, size_t rows) {
    size_t C = components->count, L = group->variables, width = group->z_width;
    for (size_t r = 0; r < rows; r++) {
        const real *shares = components->shares + r * C;
        for (size_t c = 0; c < C; c++)
            for (size_t l = 0; l < L; l++) components->weights[c * L + l] = weights[r] * shares[c];
        repeat(components, group, r);
        memset(components->dz, 0, C * width * sizeof *components->dz);
        group->latent->log_prob_backward(group, components->dz, dheads, components->weights, components->z,
                                         components->parameters, C * L);
        if (group->dz) elbow_column_sums(group->dz + r * width, components->dz, C, width);
        if (dlogits)
            for (size_t c = 0; c < C; c++)
                dlogits[c] += weights[r] * (shares[c] - elbow_exp(components->log_weights[c]));
    }
}

/* The component whose stretch of [0, 1) holds u. Rounding may leave the last a little short or long. */
static size_t choose(const elbow_components *components, uint32_t word) {
    double u = (elbow_double_of_word(word) + 0.5) * 0x1p-32, sum = 0;
    for (size_t c = 0; c + 1 < components->count; c++) {
        sum += (double)elbow_exp(components->log_weights[c]);
        if (u < sum) return c;
    }
    return components->count - 1;
}

void elbow_components_sample(elbow_components *components, elbow_group *group, const elbow_pass *pass,
                             const char *stream, size_t rows) {
    elbow_stream_rows(elbow_pass_stream(pass, stream), 0, pass->example, pass->step, rows, 1,
                      components->words);
    for (size_t r = 0; r < rows; r++)
        memcpy(group->q + r * group->q_width,
               components->parameters + choose(components, components->words[r]) * group->q_width,
               group->q_width * sizeof *group->q);
    group->latent->sample(group, group->z, group->q, group->words, rows * group->variables);
}
