#include "train/information.h"

#include <math.h>

#include "train/usage.h"

/* The first member of the subset at or after an example. */
static size_t member_from(const elbow_information *i, size_t example) {
    return (example * i->M + i->of - 1) / i->of;
}

static size_t example_of(const elbow_information *i, size_t m) { return m * i->of / i->M; }

bool elbow_information_has(const elbow_information *i, size_t example) {
    size_t m = member_from(i, example);
    return m < i->M && example_of(i, m) == example;
}

elbow_status elbow_information_create(elbow_information *i, const elbow_vae *vae, const elbow_blocks *blocks,
                                      elbow_arena *arena) {
    size_t begin = 0, end = 0;
    i->groups = elbow_vae_groups(vae);
    i->of = blocks->examples;
    ELBOW_TRY(elbow_arena_take(arena, i->groups + 1, sizeof *i->q_begin, &i->q_begin));
    ELBOW_TRY(elbow_arena_take(arena, i->groups + 1, sizeof *i->z_begin, &i->z_begin));
    for (size_t g = 0; g < i->groups; g++) {
        elbow_latent_view view = elbow_vae_group(vae, g);
        i->q_begin[g + 1] = i->q_begin[g] + (view.sequential ? 0 : view.variables * view.q_size);
        i->z_begin[g + 1] = i->z_begin[g] + (view.sequential ? 0 : view.variables);
    }
    i->q_width = i->q_begin[i->groups];
    i->z_width = i->z_begin[i->groups];
    i->M = i->of < ELBOW_MEASURE_SUBSET ? i->of : ELBOW_MEASURE_SUBSET;
    if (i->q_width > ELBOW_MEASURE_REALS / i->M) i->M = ELBOW_MEASURE_REALS / i->q_width;
    if (i->M == 0) i->M = 1;
    elbow_blocks_range(blocks, blocks->world->rank, &begin, &end);
    i->begin = member_from(i, begin);
    i->end = member_from(i, end);
    size_t own = i->end - i->begin;
    ELBOW_TRY(elbow_arena_reals(arena, own * i->q_width, &i->own_q));
    ELBOW_TRY(elbow_arena_reals(arena, own * i->z_width, &i->own_z));
    ELBOW_TRY(elbow_arena_reals(arena, i->M * i->q_width, &i->q));
    ELBOW_TRY(elbow_arena_reals(arena, i->M * i->z_width, &i->z));
    ELBOW_TRY(elbow_arena_take(arena, own * (i->groups + 1), sizeof *i->own, &i->own));
    ELBOW_TRY(elbow_arena_take(arena, i->M * (i->groups + 1), sizeof *i->all, &i->all));
    ELBOW_TRY(elbow_arena_take(arena, i->M, sizeof *i->pairs, &i->pairs));
    return elbow_arena_take(arena, i->M, sizeof *i->joint, &i->joint);
}

/* A value of one variable in one real: its code, or itself. */
static real compact(const elbow_latent_view *view, const real *z) {
    size_t code = 0;
    if (view->z_size == 1) return z[0];
    while (code + 1 < view->z_size && z[code] < (real)0.5) code++;
    return (real)code;
}

void elbow_information_keep(elbow_information *i, const elbow_vae *vae, size_t first, size_t rows) {
    for (size_t g = 0; g < i->groups; g++) {
        elbow_latent_view view = elbow_vae_group(vae, g);
        size_t Q = view.variables * view.q_size, L = view.variables;
        if (view.sequential) continue;
        for (size_t m = member_from(i, first); m < i->end && example_of(i, m) < first + rows; m++) {
            size_t row = example_of(i, m) - first;
            real *q = i->own_q + (m - i->begin) * i->q_width + i->q_begin[g],
                 *z = i->own_z + (m - i->begin) * i->z_width + i->z_begin[g];
            for (size_t c = 0; c < Q; c++) q[c] = view.q[row * Q + c];
            for (size_t l = 0; l < L; l++) z[l] = compact(&view, view.z + (row * L + l) * view.z_size);
        }
    }
}

/* log q(z) of a group: codes or values z (L) under parameters q (L · q_size), as elbow_latent_view lays them out. */
static double log_q(const elbow_latent_view *view, const real *z, const real *q) {
    double sum = 0;
    if (view->discrete && view->z_size > 1)
        for (size_t l = 0; l < view->variables; l++) sum += (double)q[l * view->q_size + (size_t)z[l]];
    else if (view->discrete)
        for (size_t l = 0; l < view->variables; l++) {
            double logit = z[l] > (real)0.5 ? (double)q[l] : -(double)q[l];
            sum += (logit < 0 ? logit : 0) - log1p(exp(-fabs(logit)));
        }
    else
        for (size_t l = 0; l < view->variables; l++) {
            double log_scale = (double)q[2 * l + 1],
                   residual = ((double)z[l] - (double)q[2 * l]) * exp(-log_scale);
            sum -= 0.5 * residual * residual + log_scale; /* and ½ log 2π, which cancels */
        }
    return sum;
}

/* log of the mean of e^v. */
static double log_mean_exp(const double *v, size_t n) {
    double most = -INFINITY, sum = 0;
    for (size_t j = 0; j < n; j++)
        if (v[j] > most) most = v[j];
    for (size_t j = 0; j < n; j++) sum += exp(v[j] - most);
    return most + log(sum / (double)n);
}

/* What the groups, and layer 0 as a whole, say of member m. */
static void find_member(elbow_information *i, const elbow_vae *vae, size_t m) {
    double *found = i->own + (m - i->begin) * (i->groups + 1);
    for (size_t j = 0; j < i->M; j++) i->joint[j] = 0;
    for (size_t g = 0; g < i->groups; g++) {
        elbow_latent_view view = elbow_vae_group(vae, g);
        if (view.sequential) continue;
        const real *z = i->z + m * i->z_width + i->z_begin[g];
        for (size_t j = 0; j < i->M; j++)
            i->pairs[j] = log_q(&view, z, i->q + j * i->q_width + i->q_begin[g]);
        found[g] = i->pairs[m] - log_mean_exp(i->pairs, i->M);
        for (size_t j = 0; view.layer == 0 && j < i->M; j++) i->joint[j] += i->pairs[j];
    }
    found[i->groups] = i->joint[m] - log_mean_exp(i->joint, i->M);
}

/* `size` bytes a member, concatenated over the ranks. */
static elbow_status gather(const elbow_information *i, elbow_blocks *blocks, void *all, const void *own,
                           size_t size) {
    for (int r = 0; r < blocks->world->size; r++) {
        size_t begin = 0, end = 0;
        elbow_blocks_range(blocks, r, &begin, &end);
        blocks->bytes[r] = (member_from(i, end) - member_from(i, begin)) * size;
    }
    return elbow_world_allgather(blocks->world, own, all, blocks->bytes);
}

elbow_status elbow_information_find(elbow_information *i, const elbow_vae *vae, elbow_blocks *blocks,
                                    elbow_figure *figures) {
    size_t width = i->groups + 1;
    double M = (double)i->M;
    bool sequential = false;
    ELBOW_TRY(gather(i, blocks, i->q, i->own_q, i->q_width * sizeof *i->q));
    ELBOW_TRY(gather(i, blocks, i->z, i->own_z, i->z_width * sizeof *i->z));
    for (size_t m = i->begin; m < i->end; m++) find_member(i, vae, m);
    ELBOW_TRY(gather(i, blocks, i->all, i->own, width * sizeof *i->all));
    for (size_t g = 0; g < width; g++) {
        double sum = 0, square = 0;
        for (size_t m = 0; m < i->M; m++) {
            double value = i->all[m * width + g];
            sum += value;
            square += value * value;
        }
        figures[g] = (elbow_figure){sum / M, elbow_standard_error(sum, square, M)};
        if (g == i->groups) break;
        elbow_latent_view view = elbow_vae_group(vae, g);
        if (view.sequential) figures[g] = (elbow_figure){NAN, NAN};
        sequential = sequential || (view.sequential && view.layer == 0);
    }
    if (sequential) figures[i->groups] = (elbow_figure){NAN, NAN};
    return ELBOW_OK;
}
