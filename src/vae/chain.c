#include "vae/chain.h"

#include <stdio.h>
#include <string.h>

#include "math/gemm.h"
#include "math/vector.h"

elbow_status elbow_chain_create(elbow_chain *chain, const elbow_group *group, const char *name,
                                elbow_params *params) {
    char tensor[2 * ELBOW_TENSOR_NAME];
    snprintf(tensor, sizeof tensor, "%s.chain", name);
    return elbow_params_declare(params, tensor, 2, (size_t[]){group->q_width, group->z_width}, 0,
                                &chain->matrix);
}

elbow_status elbow_chain_reserve(elbow_chain *chain, const elbow_group *group, size_t rows, bool training,
                                 elbow_arena *arena) {
    size_t size = group->q_width * group->z_width;
    ELBOW_TRY(elbow_arena_reals(arena, size, &chain->masked));
    ELBOW_TRY(elbow_arena_reals(arena, rows * group->q_size, &chain->head));
    ELBOW_TRY(elbow_arena_reals(arena, rows * group->z_size, &chain->draw));
    ELBOW_TRY(elbow_arena_reals(arena, rows * group->z_size, &chain->hard));
    ELBOW_TRY(elbow_arena_take(arena, rows * group->noise, sizeof *chain->words, &chain->words));
    if (!training) return ELBOW_OK;
    ELBOW_TRY(elbow_arena_reals(arena, size, &chain->dmatrix));
    ELBOW_TRY(elbow_arena_reals(arena, rows * group->q_size, &chain->dhead));
    return elbow_arena_reals(arena, rows * group->z_size, &chain->ddraw);
}

/* How many reals of row i of U count. */
static size_t counting(const elbow_group *group, size_t i) { return i / group->q_size * group->z_size; }

static void mask(elbow_chain *chain, const elbow_group *group, const elbow_pass *pass) {
    const real *from = pass->parameters + chain->matrix;
    for (size_t i = 0; i < group->q_width; i++) /* what is beyond was zero when it was reserved */
        memcpy(chain->masked + i * group->z_width, from + i * group->z_width,
               counting(group, i) * sizeof *from);
}

void elbow_chain_condition(elbow_chain *chain, const elbow_group *group, const elbow_pass *pass,
                           real *parameters, const real *base, size_t rows) {
    size_t q = group->q_width, z = group->z_width;
    mask(chain, group, pass);
    memcpy(parameters, base, rows * q * sizeof *base);
    elbow_gemm(false, true, rows, q, z, 1, group->z, z, chain->masked, z, 1, parameters, q);
    group->latent->normalize(group, parameters, parameters, rows * group->variables);
}

void elbow_chain_backward(elbow_chain *chain, const elbow_group *group, const elbow_pass *pass, real *dz,
                          const real *dheads, size_t rows) {
    size_t q = group->q_width, z = group->z_width;
    elbow_gemm(true, false, q, z, rows, 1, dheads, q, group->z, z, 0, chain->dmatrix, z);
    for (size_t i = 0; i < q; i++)
        elbow_add(pass->gradients + chain->matrix + i * z, chain->dmatrix + i * z, counting(group, i));
    if (dz == NULL) return;
    mask(chain, group, pass);
    elbow_gemm(false, false, rows, z, q, 1, dheads, q, chain->masked, z, 1, dz, z);
}

/* One variable's columns, out of rows of `width` and into them. */
static void take(real *column, const real *from, size_t width, size_t l, size_t size, size_t rows) {
    for (size_t r = 0; r < rows; r++)
        memcpy(column + r * size, from + r * width + l * size, size * sizeof *column);
}

static void put(real *to, size_t width, const real *column, size_t l, size_t size, size_t rows) {
    for (size_t r = 0; r < rows; r++)
        memcpy(to + r * width + l * size, column + r * size, size * sizeof *column);
}

static void take_words(elbow_chain *chain, const elbow_group *group, size_t l, size_t rows) {
    for (size_t r = 0; r < rows; r++)
        memcpy(chain->words + r * group->noise, group->words + r * group->words_width + l * group->noise,
               group->noise * sizeof *chain->words);
}

void elbow_chain_sample(elbow_chain *chain, elbow_group *group, const elbow_pass *pass, real *parameters,
                        const real *base, const elbow_chain_draw *draw, size_t rows) {
    const elbow_latent_ops *latent = group->latent;
    size_t q = group->q_size, z = group->z_size;
    for (size_t l = 0; l < group->variables; l++) {
        const real *u = pass->parameters + chain->matrix + l * q * group->z_width;
        take(chain->head, base, group->q_width, l, q, rows);
        if (l > 0)
            elbow_gemm(false, true, rows, q, l * z, 1, group->z, group->z_width, u, group->z_width, 1,
                       chain->head, q);
        latent->normalize(group, chain->head, chain->head, rows);
        put(parameters, group->q_width, chain->head, l, q, rows);
        take_words(chain, group, l, rows);
        const real *z_l = chain->draw;
        if (draw->relaxed) {
            elbow_group_draw(group, chain->hard, chain->draw, chain->head, chain->words, rows,
                             draw->temperature, draw->draw);
            put(group->soft, group->z_width, chain->draw, l, z, rows);
            if (group->soft != group->z) z_l = chain->hard;
        } else {
            latent->sample(group, chain->draw, chain->head, chain->words, rows);
        }
        put(group->z, group->z_width, z_l, l, z, rows);
    }
}

/* When variable l is reached, its dz is complete: the loss's own share, and those of all later variables. So is its dq, of
 * which the divergence's share was there before; and all of dq_l reaches the variables that head_l depends on. */
void elbow_chain_sample_backward(elbow_chain *chain, elbow_group *group, const elbow_pass *pass,
                                 real temperature, elbow_draw draw, size_t rows) {
    size_t q = group->q_size, z = group->z_size;
    for (size_t l = group->variables; l-- > 0;) {
        const real *u = pass->parameters + chain->matrix + l * q * group->z_width;
        take(chain->draw, group->soft, group->z_width, l, z, rows);
        take(chain->ddraw, group->dz, group->z_width, l, z, rows);
        take(chain->head, group->q, group->q_width, l, q, rows);
        take(chain->dhead, group->dq, group->q_width, l, q, rows);
        elbow_group_draw_backward(group, chain->dhead, chain->draw, chain->head, chain->ddraw, rows,
                                  temperature, draw);
        put(group->dq, group->q_width, chain->dhead, l, q, rows);
        if (l > 0)
            elbow_gemm(false, false, rows, l * z, q, 1, chain->dhead, q, u, group->z_width, 1, group->dz,
                       group->z_width);
    }
}
