#include "vae/latents.h"

#include <stdio.h>
#include <string.h>

#include "math/vector.h"

enum { ENUMERABLE = 1 << 20 }; /* the most that estimator.limit can be */

elbow_status elbow_latents_section(const char *spec, size_t index, char *section, size_t room) {
    for (; index > 0 && spec; index--) {
        spec = strchr(spec, '/');
        if (spec) spec++;
    }
    size_t length = spec ? strcspn(spec, "/") : 0;
    ELBOW_CHECK(length < room, ELBOW_USAGE, "`%s` is too long", spec);
    memcpy(section, spec ? spec : "", length);
    section[length] = 0;
    return ELBOW_OK;
}

static size_t sections(const char *spec) {
    size_t count = 1;
    for (const char *p = spec; *p; p++) count += *p == '/';
    return count;
}

static elbow_status create_layers(elbow_latents *latents, const elbow_options *options) {
    elbow_option_text section;
    size_t layers = sections(options->model.latent);
    ELBOW_CHECK(layers <= LATENT_LAYERS, ELBOW_USAGE, "more than %d layers of latents", LATENT_LAYERS);
    for (; latents->count < layers; latents->count++) {
        elbow_stochastic *layer = &latents->layers[latents->count];
        ELBOW_TRY(elbow_latents_section(options->model.latent, latents->count, section, sizeof section));
        ELBOW_TRY(elbow_stochastic_create(layer, section, latents->groups, options));
        latents->groups += layer->count;
    }
    latents->predictor = strcmp(options->model.kind, "predictor") == 0;
    latents->out = latents->predictor ? layers - 1 : 0;
    return ELBOW_OK;
}

elbow_status elbow_latents_create(elbow_latents *latents, const elbow_options *options, size_t features,
                                  size_t given, elbow_params *params) {
    latents->features = features;
    latents->given = given;
    elbow_status status = create_layers(latents, options);
    if (status != ELBOW_OK) return elbow_options_blame(options, "model.latent", status);
    return elbow_stochastic_declare_posterior(&latents->layers[0], latents->groups, features, options,
                                              params);
}

/* A network between layers, from a section of model.encoder or model.decoder. */
static elbow_status create_between(elbow_net **net, const char *way, size_t layer, const char *spec,
                                   size_t width, size_t given, const elbow_options *options,
                                   elbow_params *params) {
    char name[32];
    elbow_option_text section;
    elbow_shape input = elbow_shape_flat(width);
    ELBOW_TRY(elbow_latents_section(spec, layer, section, sizeof section));
    snprintf(name, sizeof name, "%s.%zu", way, layer);
    return elbow_net_create(net, name, section, options->model.activation, &input, given, params);
}

static void mirror_all(elbow_latents *latents) {
    for (size_t i = 0; i < latents->count; i++)
        for (size_t g = 0; g < latents->layers[i].count; g++)
            elbow_group_mirror(&latents->layers[i].groups[g]);
}

static elbow_status declare_priors(elbow_latents *latents, const elbow_options *options,
                                   elbow_params *params) {
    size_t given = latents->given;
    for (size_t i = latents->count; i-- > 0;) {
        bool top = i + 1 == latents->count;
        size_t width = top ? 0 : latents->layers[i + 1].z_width;
        bool looks = false;
        ELBOW_TRY(elbow_stochastic_prior_looks(&latents->layers[i], latents->groups, options, &looks));
        if (width > 0 || (given > 0 && looks)) {
            elbow_status status = create_between(&latents->down[i], "down", i + 1, options->model.decoder,
                                                 width, given, options, params);
            if (status != ELBOW_OK) return elbow_options_blame(options, "model.decoder", status);
        }
        size_t features = latents->down[i] ? elbow_net_output_width(latents->down[i]) : 0;
        ELBOW_TRY(elbow_stochastic_declare_prior(&latents->layers[i], latents->groups, features, !top,
                                                 options, params));
    }
    return ELBOW_OK;
}

/* What a predictor has no use for, and would have another meaning. */
static elbow_status check_predictor(const elbow_options *options) {
    elbow_status status = ELBOW_OK;
    if (strcmp(options->model.prior, "standard") != 0)
        status = elbow_options_blame(
            options, "model.prior",
            elbow_fail(ELBOW_USAGE,
                       "a predictor draws z from p(z|c), which is its encoder's, and has no prior beside "
                       "it; leave model.prior = standard, or set model.kind = vae"));
    if (status == ELBOW_OK && options->objective.free_bits > 0)
        status = elbow_options_blame(
            options, "objective.free_bits",
            elbow_fail(ELBOW_USAGE, "a predictor has no KL to leave free; set objective.free_bits = 0"));
    return status;
}

/* How many sections of model.decoder have a use. */
static elbow_status count_down(const elbow_latents *latents, const elbow_options *options, size_t *most) {
    const elbow_stochastic *top = &latents->layers[latents->count - 1];
    bool looks = false;
    *most = 1;
    if (latents->predictor) return check_predictor(options);
    ELBOW_TRY(elbow_stochastic_prior_looks(top, latents->groups, options, &looks));
    *most = latents->count;
    if (latents->given > 0 && looks) ++*most; /* the top prior's own, from what is given */
    return ELBOW_OK;
}

elbow_status elbow_latents_declare_rest(elbow_latents *latents, const elbow_options *options,
                                        elbow_params *params) {
    size_t most_down = 0;
    ELBOW_TRY(count_down(latents, options, &most_down));
    elbow_status status = ELBOW_OK;
    if (sections(options->model.encoder) > latents->count)
        status = elbow_options_blame(options, "model.encoder",
                                     elbow_fail(ELBOW_USAGE,
                                                "`%s` has more sections than model.latent has layers (%zu)",
                                                options->model.encoder, latents->count));
    if (status == ELBOW_OK && sections(options->model.decoder) > most_down)
        status = elbow_options_blame(
            options, "model.decoder",
            elbow_fail(
                ELBOW_USAGE, "`%s` has more sections than the %zu there is use for: %s",
                options->model.decoder, most_down,
                latents->predictor
                    ? "a predictor's decoder leads from the last layer of model.latent to x, and "
                      "model.encoder has the networks between layers"
                    : "one for each layer of model.latent, and one more where a conditional model's top "
                      "prior is learned or autoregressive"));
    ELBOW_TRY(status);
    for (size_t i = 1; i < latents->count; i++) {
        status = create_between(&latents->up[i], "up", i, options->model.encoder,
                                latents->layers[i - 1].z_width, latents->given, options, params);
        if (status != ELBOW_OK) return elbow_options_blame(options, "model.encoder", status);
        ELBOW_TRY(elbow_stochastic_declare_posterior(
            &latents->layers[i], latents->groups, elbow_net_output_width(latents->up[i]), options, params));
    }
    latents->prior_begin = params->size;
    if (latents->predictor)
        mirror_all(latents);
    else
        status = declare_priors(latents, options, params);
    latents->prior_end = params->size;
    return status;
}

elbow_status elbow_latents_reserve(elbow_latents *latents, size_t rows, size_t samples, bool training,
                                   elbow_arena *arena) {
    bool enumerable = elbow_latents_configurations(latents, ENUMERABLE) > 0;
    for (size_t i = 0; i < latents->count; i++) {
        ELBOW_TRY(elbow_stochastic_reserve(&latents->layers[i], rows, samples, training, arena));
        if (latents->up[i]) ELBOW_TRY(elbow_net_reserve(latents->up[i], rows, training, arena));
        if (latents->down[i]) ELBOW_TRY(elbow_net_reserve(latents->down[i], rows, training, arena));
    }
    if (enumerable)
        ELBOW_TRY(elbow_arena_reals(arena, rows * elbow_latents_width(latents), &latents->configurations));
    if (samples > 1) ELBOW_TRY(elbow_arena_reals(arena, rows * latents->features, &latents->spread));
    return elbow_arena_reals(arena, rows, &latents->scratch);
}

void elbow_latents_destroy(elbow_latents *latents) {
    for (size_t i = 0; i < latents->count; i++) {
        elbow_net_destroy(&latents->up[i]);
        elbow_net_destroy(&latents->down[i]);
        elbow_stochastic_destroy(&latents->layers[i]);
    }
    memset(latents, 0, sizeof *latents);
}

size_t elbow_latents_width(const elbow_latents *latents) { return latents->layers[latents->out].z_width; }

void elbow_latents_forward(elbow_latents *latents, const elbow_pass *pass, const real *features,
                           const real *context, size_t batch, size_t samples) {
    size_t row = latents->features;
    latents->batch = batch;
    latents->samples = samples;
    latents->rows = batch * samples;
    latents->context = context;
    for (size_t s = 0; samples > 1 && s < samples; s++)
        memcpy(latents->spread + s * batch * row, features, batch * row * sizeof *features);
    latents->up_features[0] = samples > 1 ? latents->spread : features;
    elbow_stochastic_forward(&latents->layers[0], pass, latents->up_features[0], features, batch, samples);
}

static const real *through(elbow_net *net, const elbow_latents *latents, const elbow_pass *pass,
                           const real *z) {
    elbow_net_input input = {
        .x = z, .given = latents->context, .rows = latents->rows, .batch = latents->batch};
    return elbow_net_forward(net, pass, &input);
}

void elbow_latents_prior(elbow_latents *latents, const elbow_pass *pass, size_t i, bool drawn) {
    const real *above = i + 1 < latents->count ? elbow_stochastic_z(&latents->layers[i + 1]) : NULL;
    const real *h = latents->down[i] ? through(latents->down[i], latents, pass, above) : NULL;
    latents->down_features[i] = h;
    elbow_stochastic_condition(&latents->layers[i], pass, h, drawn);
}

void elbow_latents_condition(elbow_latents *latents, const elbow_pass *pass) {
    for (size_t i = latents->count; i-- > 0;) elbow_latents_prior(latents, pass, i, true);
}

/* q of layer i > 0, whose lower neighbour is drawn. */
static void infer_layer(elbow_latents *latents, const elbow_pass *pass, size_t i) {
    elbow_stochastic *layer = &latents->layers[i];
    latents->up_features[i] = through(latents->up[i], latents, pass, elbow_stochastic_z(layer - 1));
    elbow_stochastic_forward(layer, pass, latents->up_features[i], NULL, latents->batch, latents->samples);
}

/* Draws from the bottom up: each layer's q is known when the one below is drawn. */
static const real *draw_layers(elbow_latents *latents, const elbow_pass *pass, real temperature,
                               elbow_draw draw, bool exact) {
    for (size_t i = 0; i < latents->count; i++) {
        elbow_stochastic *layer = &latents->layers[i];
        if (i > 0) infer_layer(latents, pass, i);
        if (exact)
            elbow_stochastic_sample(layer, pass);
        else
            elbow_stochastic_relax(layer, pass, temperature, draw);
    }
    elbow_latents_condition(latents, pass);
    return latents->z = elbow_stochastic_z(&latents->layers[latents->out]);
}

const real *elbow_latents_relax(elbow_latents *latents, const elbow_pass *pass, real temperature,
                                elbow_draw draw) {
    return draw_layers(latents, pass, temperature, draw, false);
}

const real *elbow_latents_sample(elbow_latents *latents, const elbow_pass *pass) {
    return draw_layers(latents, pass, 0, ELBOW_DRAW_RELAXED, true);
}

const real *elbow_latents_sample_pairs(elbow_latents *latents, const elbow_pass *pass) {
    latents->z = elbow_stochastic_sample_pairs(&latents->layers[0], pass);
    elbow_latents_condition(latents, pass);
    return latents->z;
}

const real *elbow_latents_sample_prior(elbow_latents *latents, const elbow_pass *pass, const real *context,
                                       size_t batch) {
    latents->batch = latents->rows = batch;
    latents->samples = 1;
    latents->context = context;
    for (size_t i = latents->count; i-- > 0;) {
        elbow_stochastic *layer = &latents->layers[i];
        layer->batch = batch;
        layer->samples = 1;
        elbow_latents_prior(latents, pass, i, false);
        elbow_stochastic_sample_prior(layer, pass, batch);
    }
    return latents->z = elbow_stochastic_z(&latents->layers[0]);
}

void elbow_latents_receive(elbow_latents *latents, real *dz) {
    for (size_t i = 0; i < latents->count; i++) {
        elbow_stochastic *layer = &latents->layers[i];
        if (i != latents->out) memset(layer->dz, 0, latents->rows * layer->z_width * sizeof *layer->dz);
        elbow_stochastic_receive(layer, i == latents->out ? dz : layer->dz);
    }
}

/* What layer i's prior learned: to its parameters, and through the network above to the z it came from. */
void elbow_latents_prior_backward(elbow_latents *latents, const elbow_pass *pass, size_t i) {
    real *dh = elbow_stochastic_prior_backward(&latents->layers[i], pass, latents->down_features[i]);
    if (latents->down[i] == NULL) return;
    bool above = i + 1 < latents->count;
    real *dz = elbow_net_backward(latents->down[i], pass, dh, above);
    if (above) elbow_stochastic_add(&latents->layers[i + 1], dz);
}

void elbow_latents_divergence(elbow_latents *latents, const elbow_pass *pass,
                              const elbow_objective *objective, elbow_terms *terms) {
    for (size_t i = 0; i < latents->count; i++) {
        elbow_stochastic_divergence(&latents->layers[i], pass, objective, terms);
        elbow_latents_prior_backward(latents, pass, i);
    }
}

/* From the layers above layer i to its dz. */
static void descend(elbow_latents *latents, const elbow_pass *pass, size_t i, real temperature,
                    elbow_draw draw) {
    for (size_t j = latents->count; j-- > i + 1;) {
        elbow_stochastic *layer = &latents->layers[j];
        elbow_stochastic_relax_backward(layer, pass, temperature, draw);
        real *dh = elbow_stochastic_backward(layer, pass, latents->up_features[j]);
        elbow_stochastic_add(layer - 1, elbow_net_backward(latents->up[j], pass, dh, true));
    }
}

void elbow_latents_relax_backward(elbow_latents *latents, const elbow_pass *pass, real temperature,
                                  elbow_draw draw) {
    descend(latents, pass, 0, temperature, draw);
    /* layer 0 goes on in elbow_latents_backward */
    elbow_stochastic_relax_backward(&latents->layers[0], pass, temperature, draw);
}

void elbow_latents_follow(elbow_latents *latents, const elbow_pass *pass, size_t i, real temperature) {
    size_t top = latents->count - 1; /* whose prior nothing here changes */
    for (size_t j = i + 1; j <= top; j++) {
        infer_layer(latents, pass, j);
        elbow_stochastic_relax(&latents->layers[j], pass, temperature, ELBOW_DRAW_RELAXED);
    }
    for (size_t j = latents->predictor ? 0 : top; j-- > (i > 0 ? i - 1 : 0);)
        elbow_latents_prior(latents, pass, j, true);
}

void elbow_latents_follow_backward(elbow_latents *latents, const elbow_pass *pass, size_t i,
                                   real temperature) {
    descend(latents, pass, i, temperature, ELBOW_DRAW_RELAXED);
}

void elbow_latents_upper_backward(elbow_latents *latents, const elbow_pass *pass, size_t i) {
    if (i == 0) return;
    real *dh = elbow_stochastic_backward(&latents->layers[i], pass, latents->up_features[i]);
    elbow_net_backward(latents->up[i], pass, dh, false);
}

/* The temperature that a group's densities are taken at: 0 where they are those of discrete values. */
static real density_temperature(const elbow_group *group, real temperature) {
    return group->divergence == ELBOW_KL_RELAXED ? temperature : 0;
}

void elbow_latents_log_ratio(elbow_latents *latents, const elbow_pass *pass, real temperature,
                             real *log_ratio) {
    size_t rows = latents->rows;
    memset(log_ratio, 0, rows * sizeof *log_ratio);
    if (latents->predictor) return; /* q is p */
    for (size_t i = 0; i < latents->count; i++)
        for (size_t g = 0; g < latents->layers[i].count; g++) {
            elbow_group *group = &latents->layers[i].groups[g];
            real at = density_temperature(group, temperature);
            elbow_group_log_p(group, pass, latents->scratch, rows, at);
            elbow_add(log_ratio, latents->scratch, rows);
            elbow_group_log_q(group, latents->scratch, rows, at);
            for (size_t r = 0; r < rows; r++) log_ratio[r] -= latents->scratch[r];
        }
}

void elbow_latents_log_ratio_backward(elbow_latents *latents, const elbow_pass *pass, real temperature,
                                      const real *weights) {
    size_t rows = latents->rows;
    if (latents->predictor) return;
    for (size_t i = 0; i < latents->count; i++) {
        for (size_t g = 0; g < latents->layers[i].count; g++) {
            elbow_group *group = &latents->layers[i].groups[g];
            real at = density_temperature(group, temperature);
            elbow_group_log_p_backward(group, pass, weights, rows, at, true);
            for (size_t r = 0; r < rows; r++) latents->scratch[r] = -weights[r];
            elbow_group_log_q_backward(group, latents->scratch, rows, at, true);
        }
        elbow_latents_prior_backward(latents, pass, i);
    }
}

real *elbow_latents_backward(elbow_latents *latents, const elbow_pass *pass) {
    return elbow_stochastic_backward(&latents->layers[0], pass, latents->up_features[0]);
}
