#include "vae/stochastic.h"

#include <stdio.h>
#include <string.h>

#include "math/vector.h"
#include "nn/pass.h"
#include "vae/label.h"

elbow_status elbow_stochastic_create(elbow_stochastic *layer, const char *spec, size_t first,
                                     const elbow_options *options) {
    elbow_option_text copy;
    snprintf(copy, sizeof copy, "%s", spec);
    layer->first = first;
    for (char *group = copy; group != NULL;) {
        char *comma = strchr(group, ',');
        if (comma) *comma = 0;
        ELBOW_CHECK(layer->count < STOCHASTIC_GROUPS, ELBOW_USAGE, "more than %d groups of latents",
                    STOCHASTIC_GROUPS);
        elbow_group *made = &layer->groups[layer->count];
        ELBOW_TRY(elbow_group_create(made, first + layer->count, group, options));
        layer->z_width += made->z_width;
        layer->count++;
        group = comma ? comma + 1 : NULL;
    }
    return ELBOW_OK;
}

static bool same_marks(const char *list, const char *latent) {
    for (;; list++, latent++) {
        list += strcspn(list, ",/");
        latent += strcspn(latent, ",/");
        if (*list != *latent) return false;
        if (*list == 0) return true;
    }
}

elbow_status elbow_stochastic_name(const char *list, const char *latent, size_t index, size_t of, char *name,
                                   size_t room) {
    size_t items = 1, at = 0;
    for (const char *p = list; *p; p++) items += *p == ',' || *p == '/';
    ELBOW_CHECK(items == 1 || items == of, ELBOW_USAGE,
                "`%s` names %zu for %zu groups of latents; write one for all, or one each", list, items, of);
    ELBOW_CHECK(items == 1 || same_marks(list, latent), ELBOW_USAGE,
                "`%s` has , and / in other places than model.latent = `%s`; put them where they are there, "
                "or write one name for all",
                list, latent);
    const char *p = list;
    for (; items > 1 && at < index; p++) at += *p == ',' || *p == '/';
    p += strspn(p, " \t");
    size_t length = strcspn(p, ",/ \t"), end = length + strspn(p + length, " \t");
    ELBOW_CHECK(length < room, ELBOW_USAGE, "`%s` has too long a name", list);
    memcpy(name, p, length);
    name[length] = 0;
    ELBOW_CHECK(p[end] == 0 || strchr(",/", p[end]), ELBOW_USAGE,
                "`%s` has `%.40s` after the name `%s`; put a comma between names, or a / where model.latent "
                "has one",
                list, p + end, name);
    return ELBOW_OK;
}

elbow_status elbow_stochastic_declare_posterior(elbow_stochastic *layer, size_t of, size_t features,
                                                const elbow_options *options, elbow_params *params) {
    char name[64];
    layer->features = features;
    for (size_t g = 0; g < layer->count; g++) {
        size_t index = layer->first + g;
        elbow_status status = elbow_stochastic_name(options->model.posterior, options->model.latent, index,
                                                    of, name, sizeof name);
        if (status == ELBOW_OK)
            status = elbow_group_create_posterior(&layer->groups[g], index, name, features, options, params);
        if (status != ELBOW_OK) return elbow_options_blame(options, "model.posterior", status);
    }
    return ELBOW_OK;
}

elbow_status elbow_stochastic_declare_prior(elbow_stochastic *layer, size_t of, size_t features, bool upper,
                                            const elbow_options *options, elbow_params *params) {
    char name[64];
    layer->prior_features = features;
    for (size_t g = 0; g < layer->count; g++) {
        size_t index = layer->first + g;
        elbow_status status =
            elbow_stochastic_name(options->model.prior, options->model.latent, index, of, name, sizeof name);
        if (status == ELBOW_OK)
            status =
                elbow_group_create_prior(&layer->groups[g], index, name, features, upper, options, params);
        if (status != ELBOW_OK) return elbow_options_blame(options, "model.prior", status);
    }
    return ELBOW_OK;
}

elbow_status elbow_stochastic_prior_looks(const elbow_stochastic *layer, size_t of,
                                          const elbow_options *options, bool *looks) {
    char name[64];
    *looks = false;
    for (size_t g = 0; g < layer->count; g++) {
        bool one = false;
        elbow_status status = elbow_stochastic_name(options->model.prior, options->model.latent,
                                                    layer->first + g, of, name, sizeof name);
        if (status == ELBOW_OK) status = elbow_group_prior_looks(name, &one);
        if (status != ELBOW_OK) return elbow_options_blame(options, "model.prior", status);
        *looks = *looks || one;
    }
    return ELBOW_OK;
}

void elbow_stochastic_destroy(elbow_stochastic *layer) {
    for (size_t g = 0; g < layer->count; g++) elbow_group_destroy(&layer->groups[g]);
    memset(layer, 0, sizeof *layer);
}

elbow_status elbow_stochastic_reserve(elbow_stochastic *layer, size_t rows, size_t samples, bool training,
                                      elbow_arena *arena) {
    size_t widest = layer->features > layer->prior_features ? layer->features : layer->prior_features;
    for (size_t g = 0; g < layer->count; g++) {
        elbow_group *group = &layer->groups[g];
        ELBOW_CHECK(
            samples * (group->conditional + 1) <= UINT32_MAX / (group->words_width / 4 + 1), ELBOW_USAGE,
            "%zu samples of %zu random words each are more than a stream has for one example; use fewer",
            samples, group->words_width);
        ELBOW_TRY(elbow_group_reserve(group, rows, training, arena));
        if (training && layer->count > 1)
            ELBOW_TRY(elbow_arena_reals(arena, rows * group->z_width, &group->dz));
    }
    if (layer->count > 1) ELBOW_TRY(elbow_arena_reals(arena, rows * layer->z_width, &layer->z));
    ELBOW_TRY(elbow_arena_reals(arena, rows, &layer->scratch));
    ELBOW_TRY(elbow_arena_reals(arena, rows, &layer->weights));
    if (!training) return ELBOW_OK;
    ELBOW_TRY(elbow_arena_reals(arena, rows * layer->z_width, &layer->dz));
    ELBOW_TRY(elbow_arena_reals(arena, rows * layer->features, &layer->dfeatures));
    ELBOW_TRY(elbow_arena_reals(arena, rows * layer->prior_features, &layer->dprior));
    return layer->count > 1 ? elbow_arena_reals(arena, rows * widest, &layer->more) : ELBOW_OK;
}

static size_t rows_of(const elbow_stochastic *layer) { return layer->batch * layer->samples; }

/* Whether all draws of an example have one q: a factorised posterior of shared features. */
static bool has_one_q(const elbow_stochastic *layer, const elbow_group *group) {
    return layer->shared != NULL && layer->samples > 1 && group->posterior->condition == NULL;
}

void elbow_stochastic_forward(elbow_stochastic *layer, const elbow_pass *pass, const real *features,
                              const real *shared, size_t batch, size_t samples) {
    layer->batch = batch;
    layer->samples = samples;
    layer->shared = shared;
    size_t rows = rows_of(layer);
    for (size_t g = 0; g < layer->count; g++) {
        elbow_group *group = &layer->groups[g];
        size_t count = batch * group->q_width;
        if (has_one_q(layer, group)) {
            group->posterior->forward(group, pass, shared, batch);
            for (size_t s = 1; s < samples; s++)
                memcpy(group->q + s * count, group->q, count * sizeof *group->q);
        } else {
            group->posterior->forward(group, pass, features, rows);
        }
        if (pass->gradients) memset(group->dq, 0, rows * group->q_width * sizeof *group->dq);
    }
}

/* The groups' z side by side. */
static const real *join(elbow_stochastic *layer) {
    if (layer->count == 1) return layer->groups[0].z;
    for (size_t g = 0, at = 0; g < layer->count; at += layer->groups[g++].z_width)
        elbow_copy_columns(layer->z + at, layer->z_width, layer->groups[g].z, layer->groups[g].z_width,
                           layer->groups[g].z_width, rows_of(layer));
    return layer->z;
}

/* The random words of all draws: those of draw s come after those of the draws before it, in the same counters; and those of a
 * further round after those of the rounds before. */
static void draw_round(const elbow_stochastic *layer, const elbow_group *group, const elbow_pass *pass,
                       const char *name, size_t round, uint32_t *words) {
    elbow_stream stream = elbow_pass_stream(pass, name);
    for (size_t s = 0; s < layer->samples; s++) {
        uint32_t first_block =
            (uint32_t)(round * layer->samples + s) * elbow_stream_blocks(group->words_width);
        elbow_stream_rows(stream, first_block, pass->example, pass->step, layer->batch, group->words_width,
                          words + s * layer->batch * group->words_width);
    }
}

static void draw_words(const elbow_stochastic *layer, elbow_group *group, const elbow_pass *pass) {
    draw_round(layer, group, pass, group->stream, 0, group->words);
}

void elbow_stochastic_given_words(const elbow_stochastic *layer, const elbow_group *group,
                                  const elbow_pass *pass, size_t round, uint32_t *words) {
    char name[sizeof group->stream + 8];
    snprintf(name, sizeof name, "%s.given", group->stream);
    draw_round(layer, group, pass, name, round, words);
}

const real *elbow_stochastic_relax(elbow_stochastic *layer, const elbow_pass *pass, real temperature,
                                   elbow_draw draw) {
    for (size_t g = 0; g < layer->count; g++) {
        elbow_group *group = &layer->groups[g];
        group->z = group->z_block;
        group->soft =
            draw != ELBOW_DRAW_RELAXED && group->latent->discrete ? group->soft_block : group->z_block;
        draw_words(layer, group, pass);
        group->posterior->relax(group, pass, temperature, draw, rows_of(layer));
        if (elbow_label_is(group)) elbow_label_clamp(group, layer->batch, layer->samples);
    }
    return join(layer);
}

const real *elbow_stochastic_sample(elbow_stochastic *layer, const elbow_pass *pass) {
    for (size_t g = 0; g < layer->count; g++) {
        elbow_group *group = &layer->groups[g];
        group->z = group->soft = group->z_block;
        draw_words(layer, group, pass);
        group->posterior->sample(group, pass, rows_of(layer));
    }
    return join(layer);
}

/* The uniform of a word's complement is 1 − u, exactly (logistic.h). */
const real *elbow_stochastic_sample_pairs(elbow_stochastic *layer, const elbow_pass *pass) {
    for (size_t g = 0; g < layer->count; g++) {
        elbow_group *group = &layer->groups[g];
        size_t count = layer->batch * group->words_width;
        group->z = group->soft = group->z_block;
        draw_words(layer, group, pass);
        for (size_t s = 0; s + 1 < layer->samples; s += 2)
            for (size_t i = s * count; i < (s + 1) * count; i++) group->words[i + count] = ~group->words[i];
        group->posterior->sample(group, pass, rows_of(layer));
    }
    return join(layer);
}

const real *elbow_stochastic_sample_prior(elbow_stochastic *layer, const elbow_pass *pass, size_t batch) {
    layer->batch = batch;
    layer->samples = 1;
    for (size_t g = 0; g < layer->count; g++) {
        elbow_group *group = &layer->groups[g];
        group->z = group->soft = group->z_block;
        draw_words(layer, group, pass);
        group->prior->sample(group, pass, batch);
    }
    return join(layer);
}

void elbow_stochastic_force(elbow_stochastic *layer, const elbow_pass *pass, const real *z, bool complete_q) {
    size_t rows = rows_of(layer);
    for (size_t g = 0, at = 0; g < layer->count; at += layer->groups[g++].z_width) {
        elbow_group *group = &layer->groups[g];
        group->z = group->soft = group->z_block;
        elbow_copy_columns(group->z, group->z_width, z + at, layer->z_width, group->z_width, rows);
        if (complete_q && group->posterior->condition) group->posterior->condition(group, pass, rows);
    }
    join(layer);
}

void elbow_stochastic_place(elbow_stochastic *layer, real *const *points) {
    for (size_t g = 0; g < layer->count; g++)
        layer->groups[g].z = points ? points[g] : layer->groups[g].z_block;
    join(layer);
}

void elbow_stochastic_condition(elbow_stochastic *layer, const elbow_pass *pass, const real *features,
                                bool drawn) {
    size_t rows = rows_of(layer);
    for (size_t g = 0; g < layer->count; g++) {
        elbow_group *group = &layer->groups[g];
        if (pass->gradients && group->dp) memset(group->dp, 0, rows * group->q_width * sizeof *group->dp);
        group->prior->forward(group, pass, features, rows);
        if (drawn && group->prior->condition) group->prior->condition(group, pass, rows);
    }
}

void elbow_stochastic_receive(elbow_stochastic *layer, real *dz) {
    if (layer->count == 1) layer->groups[0].dz = dz;
    if (layer->count == 1) return;
    for (size_t g = 0, column = 0; g < layer->count; column += layer->groups[g++].z_width)
        elbow_copy_columns(layer->groups[g].dz, layer->groups[g].z_width, dz + column, layer->z_width,
                           layer->groups[g].z_width, rows_of(layer));
}

void elbow_stochastic_add(elbow_stochastic *layer, const real *dz) {
    for (size_t g = 0, column = 0; g < layer->count; column += layer->groups[g++].z_width) {
        elbow_group *group = &layer->groups[g];
        for (size_t r = 0; r < rows_of(layer); r++)
            elbow_add(group->dz + r * group->z_width, dz + r * layer->z_width + column, group->z_width);
    }
}

/* One group's KL: an example's is the mean over its draws. Below the free bits the term is a constant. */
static void diverge(elbow_stochastic *layer, elbow_group *group, const elbow_objective *objective,
                    elbow_terms *terms) {
    size_t B = layer->batch, S = layer->samples;
    double kl = 0, penalty = 0;
    for (size_t b = 0; b < B; b++) {
        double sum = 0;
        for (size_t s = 0; s < S; s++) sum += (double)group->kl[s * B + b];
        real mean = (real)(sum / (double)S);
        bool pushed = !(mean < objective->free_bits) || objective->free_bits == 0;
        real weight = pushed ? objective->weight * objective->beta / (real)S : 0;
        for (size_t s = 0; s < S; s++) layer->weights[s * B + b] = weight;
        kl += (double)mean;
        penalty += (double)(pushed ? mean : objective->free_bits);
    }
    terms->kl += kl;
    terms->elbo -= kl;
    terms->objective -= (double)objective->beta * penalty;
}

void elbow_stochastic_diverge(elbow_stochastic *layer, elbow_group *group, const elbow_pass *pass,
                              const elbow_objective *objective, elbow_terms *terms) {
    size_t rows = rows_of(layer);
    elbow_group_kl(group, pass, group->divergence, rows, objective->temperature);
    if (group->labels) elbow_label_kl(group, pass, layer->batch, layer->samples);
    diverge(layer, group, objective, terms);
    if (group->labels) elbow_label_learn(layer, group, pass, objective, terms);
    elbow_group_kl_backward(group, pass, group->divergence, layer->weights, rows, objective->temperature);
}

void elbow_stochastic_divergence(elbow_stochastic *layer, const elbow_pass *pass,
                                 const elbow_objective *objective, elbow_terms *terms) {
    for (size_t g = 0; g < layer->count; g++)
        elbow_stochastic_diverge(layer, &layer->groups[g], pass, objective, terms);
}

real *elbow_stochastic_prior_backward(elbow_stochastic *layer, const elbow_pass *pass, const real *features) {
    size_t rows = rows_of(layer), width = layer->prior_features;
    bool first = true;
    for (size_t g = 0; g < layer->count; g++) {
        elbow_group *group = &layer->groups[g];
        if (group->prior->backward == NULL) continue;
        real *share = width == 0 ? NULL : first ? layer->dprior : layer->more;
        group->prior->backward(group, pass, share, features, rows);
        if (share && !first) elbow_add(layer->dprior, layer->more, rows * width);
        first = false;
    }
    if (width > 0 && first) memset(layer->dprior, 0, rows * width * sizeof *layer->dprior);
    return width > 0 ? layer->dprior : NULL;
}

/* The mean over relaxed samples that the draws could have come from, of a factorised posterior; group->words are free by now. */
static void relax_given_backward(const elbow_stochastic *layer, elbow_group *group, const elbow_pass *pass,
                                 real temperature) {
    size_t n = rows_of(layer) * group->variables;
    for (size_t round = 0; round < group->conditional; round++) {
        elbow_stochastic_given_words(layer, group, pass, round, group->words);
        group->latent->rao_backward(group, round, n, temperature);
    }
}

void elbow_stochastic_relax_backward(elbow_stochastic *layer, const elbow_pass *pass, real temperature,
                                     elbow_draw draw) {
    for (size_t g = 0; g < layer->count; g++) {
        elbow_group *group = &layer->groups[g];
        if (elbow_label_is(group)) elbow_label_release(group, layer->batch, layer->samples);
        if (draw == ELBOW_DRAW_RAO && group->latent->discrete)
            relax_given_backward(layer, group, pass, temperature);
        else
            group->posterior->relax_backward(group, pass, temperature, draw, rows_of(layer));
    }
}

/* values (S, count) ← their sum over draws, in the first. */
static void sum_draws(real *values, size_t count, size_t samples) {
    for (size_t s = 1; s < samples; s++) elbow_add(values, values + s * count, count);
}

real *elbow_stochastic_backward(elbow_stochastic *layer, const elbow_pass *pass, const real *features) {
    size_t rows = rows_of(layer), B = layer->batch, S = layer->samples, width = layer->features;
    for (size_t g = 0; g < layer->count; g++) {
        elbow_group *group = &layer->groups[g];
        real *share = g == 0 ? layer->dfeatures : layer->more;
        if (has_one_q(layer, group)) {
            sum_draws(group->dq, B * group->q_width, S);
            group->posterior->backward(group, pass, share, layer->shared, B);
        } else {
            group->posterior->backward(group, pass, share, features, rows);
            if (layer->shared) sum_draws(share, B * width, S);
        }
        if (g > 0) elbow_add(layer->dfeatures, layer->more, (layer->shared ? B : rows) * width);
    }
    return layer->dfeatures;
}
