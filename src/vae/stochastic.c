#include "vae/stochastic.h"

#include <stdio.h>
#include <string.h>

#include "base/family.h"
#include "math/vector.h"
#include "nn/pass.h"

static const elbow_latent_ops *const latents[] = {
    &elbow_latent_categorical,
};
static const elbow_posterior_ops *const posteriors[] = {
    &elbow_posterior_factorised,
};
static const elbow_prior_ops *const priors[] = {
    &elbow_prior_uniform,
};

/* `categorical 20x10`: the kind, then what the kind reads. */
static elbow_status create_group(elbow_group *group, size_t index, const char *spec) {
    char kind[32], size[64], more[2];
    size_t i = 0;
    ELBOW_CHECK(sscanf(spec, " %31s %63s %1s", kind, size, more) == 2, ELBOW_USAGE,
                "`%s` is no latent; write a kind and its size, groups apart by commas: `categorical 20x10`",
                spec);
    ELBOW_TRY(ELBOW_FAMILY_FIND(latents, "kind of latent", kind, &i));
    group->latent = latents[i];
    snprintf(group->stream, sizeof group->stream, "latent.%zu.%s", index, group->latent->noise);
    return group->latent->create(group, size);
}

/* The groups of model.latent, cut at commas. */
static elbow_status create_groups(elbow_stochastic *layer, const char *text) {
    elbow_option_text copy;
    memcpy(copy, text, sizeof copy);
    for (char *spec = copy; spec != NULL;) {
        char *comma = strchr(spec, ',');
        if (comma) *comma = 0;
        ELBOW_CHECK(layer->count < STOCHASTIC_GROUPS, ELBOW_USAGE, "more than %d groups of latents",
                    STOCHASTIC_GROUPS);
        elbow_group *group = &layer->groups[layer->count];
        ELBOW_TRY(create_group(group, layer->count, spec));
        layer->z_width += group->z_width;
        layer->count++;
        spec = comma ? comma + 1 : NULL;
    }
    return ELBOW_OK;
}

static elbow_status create_posterior(elbow_group *group, size_t index, size_t features,
                                     const elbow_options *options, elbow_params *params) {
    size_t i = 0;
    ELBOW_TRY(ELBOW_FAMILY_FIND(posteriors, "posterior", options->model.posterior, &i));
    group->posterior = posteriors[i];
    return group->posterior->create(group, index, features, options, params);
}

static elbow_status create_prior(elbow_group *group, size_t index, const elbow_options *options,
                                 elbow_params *params) {
    size_t i = 0;
    ELBOW_TRY(ELBOW_FAMILY_FIND(priors, "prior", options->model.prior, &i));
    group->prior = priors[i];
    return group->prior->create(group, index, params);
}

elbow_status elbow_stochastic_create(elbow_stochastic *layer, const elbow_options *options, size_t features,
                                     elbow_params *params) {
    layer->features = features;
    elbow_status status = create_groups(layer, options->model.latent);
    if (status != ELBOW_OK) return elbow_options_blame(options, "model.latent", status);
    for (size_t g = 0; g < layer->count; g++) {
        status = create_posterior(&layer->groups[g], g, features, options, params);
        if (status != ELBOW_OK) return elbow_options_blame(options, "model.posterior", status);
    }
    return ELBOW_OK;
}

elbow_status elbow_stochastic_declare_prior(elbow_stochastic *layer, const elbow_options *options,
                                            elbow_params *params) {
    for (size_t g = 0; g < layer->count; g++) {
        elbow_status status = create_prior(&layer->groups[g], g, options, params);
        if (status != ELBOW_OK) return elbow_options_blame(options, "model.prior", status);
    }
    return ELBOW_OK;
}

void elbow_stochastic_destroy(elbow_stochastic *layer) {
    for (size_t g = 0; g < layer->count; g++) {
        elbow_group *group = &layer->groups[g];
        if (group->posterior) group->posterior->destroy(group);
        if (group->prior) group->prior->destroy(group);
    }
    memset(layer, 0, sizeof *layer);
}

static elbow_status reserve_group(elbow_group *group, size_t rows, size_t samples, bool training, bool alone,
                                  elbow_arena *arena) {
    ELBOW_TRY(elbow_arena_reals(arena, rows * group->q_width, &group->q));
    ELBOW_TRY(elbow_arena_reals(arena, rows, &group->kl));
    ELBOW_TRY(elbow_arena_reals(arena, rows * samples * group->z_width, &group->z));
    ELBOW_TRY(elbow_arena_take(arena, rows * group->word_width, sizeof *group->words, &group->words));
    ELBOW_TRY(elbow_arena_reals(arena, rows * samples * group->z_width, &group->soft));
    if (training) ELBOW_TRY(elbow_arena_reals(arena, rows * group->q_width, &group->dq));
    if (training && !alone) ELBOW_TRY(elbow_arena_reals(arena, rows * samples * group->z_width, &group->dz));
    return group->posterior->reserve(group, rows, training, arena);
}

elbow_status elbow_stochastic_reserve(elbow_stochastic *layer, size_t rows, size_t samples, bool training,
                                      elbow_arena *arena) {
    bool alone = layer->count == 1;
    for (size_t g = 0; g < layer->count; g++)
        ELBOW_CHECK(
            samples <= UINT32_MAX / (layer->groups[g].word_width / 4 + 1), ELBOW_USAGE,
            "%zu samples of %zu random words each are more than a stream has for one example; use fewer",
            samples, layer->groups[g].word_width);
    for (size_t g = 0; g < layer->count; g++)
        ELBOW_TRY(reserve_group(&layer->groups[g], rows, samples, training, alone, arena));
    if (!alone) ELBOW_TRY(elbow_arena_reals(arena, rows * samples * layer->z_width, &layer->z));
    ELBOW_TRY(elbow_arena_reals(arena, rows * samples, &layer->scratch));
    ELBOW_TRY(elbow_arena_reals(arena, rows, &layer->weights));
    if (training) ELBOW_TRY(elbow_arena_reals(arena, rows * layer->features, &layer->dfeatures));
    if (training && !alone) ELBOW_TRY(elbow_arena_reals(arena, rows * layer->features, &layer->more));
    return ELBOW_OK;
}

void elbow_stochastic_forward(elbow_stochastic *layer, const elbow_pass *pass, const real *features,
                              size_t rows) {
    layer->rows = rows;
    for (size_t g = 0; g < layer->count; g++) {
        elbow_group *group = &layer->groups[g];
        group->posterior->forward(group, pass, features, rows);
        if (pass->gradients) memset(group->dq, 0, rows * group->q_width * sizeof *group->dq);
    }
}

/* Copies a group's columns into or out of the layer's rows. */
static void copy_columns(real *to, size_t to_width, const real *from, size_t from_width, size_t width,
                         size_t rows) {
    for (size_t r = 0; r < rows; r++) memcpy(to + r * to_width, from + r * from_width, width * sizeof *to);
}

/* The groups' z side by side. */
static const real *join(elbow_stochastic *layer, size_t rows) {
    if (layer->count == 1) return layer->groups[0].z;
    for (size_t g = 0, at = 0; g < layer->count; at += layer->groups[g++].z_width)
        copy_columns(layer->z + at, layer->z_width, layer->groups[g].z, layer->groups[g].z_width,
                     layer->groups[g].z_width, rows);
    return layer->z;
}

/* The random words of draw s: after those of the draws before it, in the same counters. */
static void draw_words(elbow_group *group, const elbow_pass *pass, size_t s, size_t rows) {
    uint32_t first_block = (uint32_t)s * elbow_stream_blocks(group->word_width);
    elbow_stream_rows(elbow_pass_stream(pass, group->stream), first_block, pass->example, pass->step, rows,
                      group->word_width, group->words);
}

const real *elbow_stochastic_relax(elbow_stochastic *layer, const elbow_pass *pass, real temperature,
                                   bool hard, size_t samples) {
    size_t rows = layer->rows;
    for (size_t g = 0; g < layer->count; g++) {
        elbow_group *group = &layer->groups[g];
        for (size_t s = 0; s < samples; s++) {
            size_t at = s * rows * group->z_width;
            real *soft = hard ? group->soft + at : group->z + at;
            draw_words(group, pass, s, rows);
            group->posterior->relax(group, pass, group->z + at, soft, temperature, hard, rows);
        }
    }
    return join(layer, samples * rows);
}

void elbow_stochastic_receive(elbow_stochastic *layer, real *dz, size_t samples) {
    if (layer->count == 1) layer->groups[0].dz = dz;
    if (layer->count == 1) return;
    for (size_t g = 0, column = 0; g < layer->count; column += layer->groups[g++].z_width)
        copy_columns(layer->groups[g].dz, layer->groups[g].z_width, dz + column, layer->z_width,
                     layer->groups[g].z_width, samples * layer->rows);
}

void elbow_stochastic_relax_backward(elbow_stochastic *layer, const elbow_pass *pass, real temperature,
                                     bool hard, size_t samples) {
    size_t rows = layer->rows;
    for (size_t g = 0; g < layer->count; g++) {
        elbow_group *group = &layer->groups[g];
        const real *soft = hard ? group->soft : group->z;
        for (size_t s = 0; s < samples; s++) {
            size_t at = s * rows * group->z_width;
            group->posterior->relax_backward(group, pass, soft + at, group->dz + at, temperature, rows);
        }
    }
}

const real *elbow_stochastic_sample(elbow_stochastic *layer, const elbow_pass *pass) {
    for (size_t g = 0; g < layer->count; g++) {
        elbow_group *group = &layer->groups[g];
        draw_words(group, pass, 0, layer->rows);
        group->posterior->sample(group, pass, group->z, layer->rows);
    }
    return join(layer, layer->rows);
}

const real *elbow_stochastic_sample_prior(elbow_stochastic *layer, const elbow_pass *pass, size_t rows) {
    for (size_t g = 0; g < layer->count; g++) {
        elbow_group *group = &layer->groups[g];
        draw_words(group, pass, 0, rows);
        group->prior->sample(group, pass, group->z, group->words, rows);
    }
    return join(layer, rows);
}

void elbow_stochastic_log_prob(elbow_stochastic *layer, const elbow_pass *pass, real *log_q, real *log_p) {
    size_t rows = layer->rows;
    memset(log_q, 0, rows * sizeof *log_q);
    memset(log_p, 0, rows * sizeof *log_p);
    for (size_t g = 0; g < layer->count; g++) {
        elbow_group *group = &layer->groups[g];
        group->posterior->log_prob(group, pass, layer->scratch, group->z, rows);
        elbow_add(log_q, layer->scratch, rows);
        group->prior->log_prob(group, pass, layer->scratch, group->z, rows);
        elbow_add(log_p, layer->scratch, rows);
    }
}

void elbow_stochastic_kl(elbow_stochastic *layer, const elbow_pass *pass, real *kl) {
    memset(kl, 0, layer->rows * sizeof *kl);
    for (size_t g = 0; g < layer->count; g++) {
        elbow_group *group = &layer->groups[g];
        group->prior->kl(group, pass, group->kl, layer->rows);
        elbow_add(kl, group->kl, layer->rows);
    }
}

void elbow_stochastic_divergence(elbow_stochastic *layer, const elbow_pass *pass,
                                 const elbow_objective *objective, elbow_terms *terms) {
    double beta = (double)objective->beta;
    for (size_t g = 0; g < layer->count; g++) {
        elbow_group *group = &layer->groups[g];
        group->prior->kl(group, pass, group->kl, layer->rows);
        double kl = 0, penalty = 0;
        for (size_t b = 0; b < layer->rows; b++) {
            bool pushed =
                !(group->kl[b] < objective->free_bits) || objective->free_bits == 0; /* else a constant */
            layer->weights[b] = pushed ? objective->weight * objective->beta : 0;
            kl += (double)group->kl[b];
            penalty += (double)(pushed ? group->kl[b] : objective->free_bits);
        }
        terms->kl += kl;
        terms->elbo -= kl;
        terms->objective -= beta * penalty;
        group->prior->kl_backward(group, pass, layer->weights, layer->rows);
    }
}

real *elbow_stochastic_backward(elbow_stochastic *layer, const elbow_pass *pass, const real *features) {
    for (size_t g = 0; g < layer->count; g++) {
        elbow_group *group = &layer->groups[g];
        real *dfeatures = g == 0 ? layer->dfeatures : layer->more;
        group->posterior->backward(group, pass, dfeatures, features, layer->rows);
        if (g > 0) elbow_add(layer->dfeatures, layer->more, layer->rows * layer->features);
    }
    return layer->dfeatures;
}
