#include "elbow/vae/vae.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/activation.h"
#include "vae/estimator.h"
#include "vae/label.h"
#include "vae/likelihood.h"
#include "vae/vae_inside.h"

/* log p(x|z) by decoder and likelihood, as estimators want it. */
static void score_forward(void *context, const elbow_pass *pass, real *log_px, const real *z, size_t rows) {
    elbow_vae *vae = context;
    vae->forward += rows;
    elbow_vae_run_decoder(vae, pass, z, rows);
    vae->likelihood.ops->forward(&vae->likelihood, pass, log_px, vae->decoded, &vae->batch->x, rows,
                                 vae->batch->rows);
}

static real *score_backward(void *context, const elbow_pass *pass, const real *weights, size_t rows) {
    elbow_vae *vae = context;
    vae->backward += rows;
    vae->likelihood.ops->backward(&vae->likelihood, pass, vae->dfeatures, weights, vae->decoded, rows);
    return elbow_net_backward(vae->decoder, pass, vae->dfeatures, true);
}

/* Whose examples can be gathered by row. */
static bool is_gathered(const elbow_vae *vae) {
    return vae->estimator.ops->evaluates && vae->field.kind != ELBOW_SEQUENCE &&
           !elbow_net_draws(vae->decoder);
}

static void gather(real *to, const real *from, const uint32_t *examples, size_t rows, size_t width) {
    for (size_t r = 0; r < rows; r++) memcpy(to + r * width, from + examples[r] * width, width * sizeof *to);
}

static void score_evaluate(void *context, const elbow_pass *pass, real *log_px, const real *z,
                           const uint32_t *examples, size_t rows) {
    elbow_vae *vae = context;
    vae->forward += rows;
    elbow_pass alone = *pass;
    elbow_values x = vae->batch->x;
    elbow_net_input input = {.x = z, .rows = rows, .batch = rows};
    alone.gradients = NULL;
    gather(vae->gathered, x.reals, examples, rows, vae->field.dimensions);
    x.reals = vae->gathered;
    if (vae->given_width) gather(vae->gathered_given, vae->given, examples, rows, vae->given_width);
    if (vae->given_width) input.given = vae->gathered_given;
    const real *decoded = elbow_net_forward(vae->decoder, &alone, &input);
    vae->likelihood.ops->forward(&vae->likelihood, &alone, log_px, decoded, &x, rows, rows);
}

static elbow_status reserve_gathered(elbow_vae *vae, elbow_arena *arena) {
    if (!is_gathered(vae)) return ELBOW_OK;
    ELBOW_TRY(elbow_arena_reals(arena, ELBOW_VAE_EVALUATION_ROWS * vae->field.dimensions, &vae->gathered));
    return elbow_arena_reals(arena, ELBOW_VAE_EVALUATION_ROWS * vae->given_width, &vae->gathered_given);
}

static elbow_status create_encoder(elbow_vae *vae, const elbow_options *options) {
    elbow_option_text spec;
    elbow_shape input = {.field = vae->predictor ? &vae->context : &vae->field};
    ELBOW_TRY(elbow_latents_section(options->model.encoder, 0, spec, sizeof spec));
    return elbow_net_create(&vae->encoder, "encoder", spec, options->model.activation, &input,
                            vae->given_width, &vae->params);
}

static elbow_status create_decoder(elbow_vae *vae, const elbow_options *options) {
    elbow_option_text spec;
    elbow_shape input = elbow_shape_flat(elbow_latents_width(&vae->latents));
    ELBOW_TRY(elbow_latents_section(options->model.decoder, 0, spec, sizeof spec));
    return elbow_net_create(&vae->decoder, "decoder", spec, options->model.activation, &input,
                            vae->given_width, &vae->params);
}

static elbow_initial initial_of(const char *name) {
    if (strcmp(name, "glorot") == 0) return ELBOW_INITIAL_GLOROT;
    return strcmp(name, "he") == 0 ? ELBOW_INITIAL_HE : ELBOW_INITIAL_FAN_IN;
}

/* In the order of the parameters: what the encoder's backward completes, then what the estimator does. */
static elbow_status create_parts(elbow_vae *vae, const elbow_options *options) {
    const elbow_activation *found = NULL;
    elbow_status status = elbow_activation_find(options->model.activation, &found);
    if (status != ELBOW_OK) return elbow_options_blame(options, "model.activation", status);
    vae->params.initial = initial_of(options->model.initial);
    status = create_encoder(vae, options);
    if (status != ELBOW_OK) return elbow_options_blame(options, "model.encoder", status);
    vae->encoder_size = vae->params.size;
    ELBOW_TRY(elbow_latents_create(&vae->latents, options, elbow_net_output_width(vae->encoder),
                                   vae->given_width, &vae->params));
    vae->split = vae->params.size;
    for (size_t g = 0; g < vae->latents.layers[0].count; g++)
        vae->latents.layers[0].groups[g].field = &vae->field;
    ELBOW_TRY(elbow_latents_declare_rest(&vae->latents, options, &vae->params));
    status = create_decoder(vae, options);
    if (status != ELBOW_OK) return elbow_options_blame(options, "model.decoder", status);
    ELBOW_TRY(elbow_likelihood_create(&vae->likelihood, options, elbow_net_output(vae->decoder), &vae->field,
                                      &vae->params));
    vae->configurations = elbow_latents_configurations(&vae->latents, (size_t)options->estimator.limit);
    vae->model_size = vae->params.size;
    ELBOW_TRY(elbow_estimator_create(&vae->estimator, options, &vae->latents, &vae->params));
    return elbow_label_create(&vae->classes, options, &vae->latents, &vae->estimator);
}

/* What is given joins every network, or is what a predictor's encoder reads. */
static elbow_status take_context(elbow_vae *vae, const elbow_options *options, const elbow_field *context) {
    vae->predictor = strcmp(options->model.kind, "predictor") == 0;
    vae->conditional = context != NULL;
    if (vae->predictor && context == NULL)
        return elbow_options_blame(
            options, "model.kind",
            elbow_fail(
                ELBOW_USAGE,
                "a predictor makes x of what it is given, and data.context = %s; set it to `context` "
                "(a field that elbow import makes of an image's half, --context upper) or `labels`, or "
                "leave model.kind = vae",
                options->data.context));
    if (context == NULL) return ELBOW_OK;
    if (!vae->predictor) vae->given_width = elbow_field_input_width(context);
    return elbow_field_copy(&vae->context, context);
}

elbow_status elbow_vae_create(elbow_vae **out, const elbow_options *options, const elbow_field *x,
                              const elbow_field *context) {
    *out = NULL;
    elbow_vae *vae = calloc(1, sizeof *vae);
    ELBOW_CHECK(vae != NULL, ELBOW_MEMORY, "no memory for a model");
    elbow_status status = elbow_arena_create(&vae->arena);
    if (status == ELBOW_OK) status = elbow_field_copy(&vae->field, x);
    if (status == ELBOW_OK) status = take_context(vae, options, context);
    if (status == ELBOW_OK) status = create_parts(vae, options);
    if (status != ELBOW_OK) elbow_vae_destroy(&vae);
    *out = vae;
    return status;
}

void elbow_vae_destroy(elbow_vae **vae) {
    if (*vae == NULL) return;
    elbow_estimator_destroy(&(*vae)->estimator);
    elbow_likelihood_destroy(&(*vae)->likelihood);
    elbow_latents_destroy(&(*vae)->latents);
    elbow_net_destroy(&(*vae)->decoder);
    elbow_net_destroy(&(*vae)->encoder);
    elbow_params_destroy(&(*vae)->params);
    elbow_field_destroy(&(*vae)->field);
    elbow_field_destroy(&(*vae)->context);
    elbow_arena_destroy(&(*vae)->arena);
    free(*vae);
    *vae = NULL;
}

const elbow_params *elbow_vae_params(const elbow_vae *vae) { return &vae->params; }
size_t elbow_vae_split(const elbow_vae *vae) { return vae->split; }
void elbow_vae_prior_range(const elbow_vae *vae, size_t *begin, size_t *end) {
    *begin = vae->latents.prior_begin;
    *end = vae->latents.prior_end;
}

/* Gaussian latents are drawn beside those that are summed over. */
static bool is_noiseless(const elbow_vae *vae) {
    bool discrete = true;
    for (size_t i = 0; i < vae->latents.count; i++)
        for (size_t g = 0; g < vae->latents.layers[i].count; g++)
            discrete = discrete && vae->latents.layers[i].groups[g].latent->discrete;
    return vae->estimator.ops->noiseless && discrete;
}

elbow_estimator_view elbow_vae_estimator(const elbow_vae *vae) {
    return (elbow_estimator_view){.name = vae->estimator.ops->name,
                                  .unbiased = vae->estimator.ops->unbiased,
                                  .noiseless = is_noiseless(vae),
                                  .draws = vae->estimator.draws,
                                  .begin = vae->model_size,
                                  .forward = vae->forward,
                                  .backward = vae->backward};
}

const elbow_field *elbow_vae_field(const elbow_vae *vae) { return &vae->field; }
const elbow_field *elbow_vae_context(const elbow_vae *vae) { return vae->conditional ? &vae->context : NULL; }
bool elbow_vae_predicts(const elbow_vae *vae) { return vae->predictor; }
size_t elbow_vae_bytes(const elbow_vae *vae) { return elbow_arena_bytes(vae->arena); }

elbow_status elbow_vae_reserve(elbow_vae *vae, size_t rows, bool training) {
    elbow_arena *arena = vae->arena;
    size_t draws = training ? vae->estimator.draws : 1, most = rows * draws, reserved = rows;
    if (training && rows < ELBOW_VAE_EVALUATION_ROWS) rows = ELBOW_VAE_EVALUATION_ROWS;
    if (most < rows) most = rows;
    ELBOW_TRY(elbow_net_reserve(vae->encoder, rows, training, arena));
    ELBOW_TRY(elbow_latents_reserve(&vae->latents, most, draws, training, arena));
    ELBOW_TRY(elbow_net_reserve(vae->decoder, most, training, arena));
    ELBOW_TRY(vae->likelihood.ops->reserve(&vae->likelihood, most, training, arena));
    if (training) ELBOW_TRY(elbow_estimator_reserve(&vae->estimator, reserved, arena));
    if (training) ELBOW_TRY(reserve_gathered(vae, arena));
    ELBOW_TRY(elbow_arena_reals(arena, rows, &vae->log_ratio));
    ELBOW_TRY(elbow_arena_take(arena, rows, sizeof *vae->most, &vae->most));
    ELBOW_TRY(elbow_arena_take(arena, rows, sizeof *vae->sum, &vae->sum));
    if (vae->given_width) ELBOW_TRY(elbow_arena_reals(arena, rows * vae->given_width, &vae->given));
    if (training)
        ELBOW_TRY(elbow_arena_reals(arena, most * elbow_net_output_width(vae->decoder), &vae->dfeatures));
    return ELBOW_OK;
}

void elbow_vae_infer(elbow_vae *vae, const elbow_pass *pass, const elbow_values *x,
                     const elbow_values *context, size_t rows, size_t samples) {
    const real *given = elbow_vae_give(vae, context, rows);
    elbow_net_input input = {
        .values = vae->predictor ? context : x, .given = given, .rows = rows, .batch = rows};
    vae->features = elbow_net_forward(vae->encoder, pass, &input);
    elbow_latents_forward(&vae->latents, pass, vae->features, given, rows, samples);
}

void elbow_vae_encode(elbow_vae *vae, const elbow_pass *pass, const elbow_batch *batch) {
    vae->batch = batch;
    elbow_vae_infer(vae, pass, &batch->x, &batch->context, batch->rows,
                    pass->gradients ? vae->estimator.draws : 1);
    if (vae->classes > 0) elbow_label_tell(&vae->latents, pass->gradients ? batch->y.reals : NULL);
}

void elbow_vae_estimate(elbow_vae *vae, const elbow_pass *pass, const elbow_objective *objective,
                        elbow_terms *terms) {
    elbow_score score = {.context = vae,
                         .forward = score_forward,
                         .backward = score_backward,
                         .evaluate = is_gathered(vae) ? score_evaluate : NULL};
    *terms = (elbow_terms){0};
    vae->forward = vae->backward = 0;
    vae->estimator.ops->run(&vae->estimator, &vae->latents, &score, pass, objective, terms);
}

/* Whether an estimator fills log_ratio; the others have each group's KL. */
static bool has_ratios(const elbow_estimator *estimator) {
    return estimator->importance || estimator->ops == &elbow_estimator_exact;
}

static bool is_row_finite(const elbow_vae *vae, size_t row) {
    const elbow_latents *latents = &vae->latents;
    if (!isfinite(vae->estimator.log_px[row])) return false;
    if (has_ratios(&vae->estimator)) return isfinite(vae->estimator.log_ratio[row]);
    for (size_t i = 0; i < latents->count; i++)
        for (size_t g = 0; g < latents->layers[i].count; g++)
            if (!isfinite(latents->layers[i].groups[g].kl[row])) return false;
    return true;
}

size_t elbow_vae_nonfinite(const elbow_vae *vae, size_t *first) {
    size_t B = vae->latents.batch, count = 0;
    for (size_t b = B; b-- > 0;) {
        bool finite = true;
        for (size_t r = b; r < vae->latents.rows && finite; r += B) finite = is_row_finite(vae, r);
        if (finite) continue;
        *first = b;
        count++;
    }
    return count;
}

void elbow_vae_encode_backward(elbow_vae *vae, const elbow_pass *pass, const elbow_ready *ready) {
    elbow_pass telling = *pass;
    telling.ready = ready;
    real *dfeatures = elbow_latents_backward(&vae->latents, pass);
    if (ready && vae->encoder_size < vae->split) ready->tell(ready->context, vae->encoder_size, vae->split);
    elbow_net_backward(vae->encoder, &telling, dfeatures, false);
}

void elbow_vae_draw(elbow_vae *vae, const elbow_pass *pass, real temperature, real *log_px, real *kl,
                    real *log_weight) {
    bool soft = temperature > 0;
    size_t rows = vae->batch->rows;
    const real *z = soft ? elbow_latents_relax(&vae->latents, pass, temperature, ELBOW_DRAW_RELAXED)
                         : elbow_latents_sample(&vae->latents, pass);
    score_forward(vae, pass, log_px, z, rows);
    if (soft) return;
    if (kl) elbow_latents_kl(&vae->latents, pass, kl);
    if (log_weight == NULL) return;
    elbow_latents_log_ratio(&vae->latents, pass, 0, vae->log_ratio);
    for (size_t r = 0; r < rows; r++) log_weight[r] = log_px[r] + vae->log_ratio[r];
}

bool elbow_vae_kl_closed(const elbow_vae *vae) { return elbow_latents_closed(&vae->latents); }

const char *elbow_vae_kl_words(const elbow_vae *vae, bool training) {
    if (training && vae->estimator.ops == &elbow_estimator_exact) return "summed over all z";
    if (training && vae->estimator.importance) return "estimated from the draws, as log q(z|x) − log p(z)";
    return elbow_latents_kl_words(&vae->latents, training);
}

size_t elbow_vae_classes(const elbow_vae *vae) { return vae->classes; }

const real *elbow_vae_label_log_q(const elbow_vae *vae) { return elbow_label_group(&vae->latents)->q; }

bool elbow_vae_observed(const elbow_vae *vae) { return vae->likelihood.observed; }
bool elbow_vae_continuous(const elbow_vae *vae) { return vae->likelihood.continuous; }
size_t elbow_vae_configurations(const elbow_vae *vae) { return vae->configurations; }

/* log p(x) = log Σ_z p(z) p(x|z), as a running log-sum-exp. */
void elbow_vae_exact(elbow_vae *vae, const elbow_pass *pass, const elbow_batch *batch, real *log_px) {
    size_t rows = batch->rows;
    vae->batch = batch;
    if (vae->predictor)
        elbow_vae_infer(vae, pass, NULL, &batch->context, rows, 1);
    else
        elbow_latents_forward_prior(&vae->latents, pass, elbow_vae_give(vae, &batch->context, rows), rows);
    for (size_t r = 0; r < rows; r++) vae->most[r] = -INFINITY, vae->sum[r] = 0;
    for (size_t c = 0; c < vae->configurations; c++) {
        const real *z = elbow_latents_set(&vae->latents, pass, c, vae->log_ratio);
        score_forward(vae, pass, log_px, z, rows);
        for (size_t r = 0; r < rows; r++) {
            double log_joint = (double)log_px[r] + (double)vae->log_ratio[r];
            if (log_joint == -(double)INFINITY) continue; /* adds nothing, and −∞ − −∞ is no number */
            double most = log_joint > vae->most[r] ? log_joint : vae->most[r];
            vae->sum[r] = vae->sum[r] * exp(vae->most[r] - most) + exp(log_joint - most);
            vae->most[r] = most;
        }
    }
    for (size_t r = 0; r < rows; r++) log_px[r] = (real)(vae->most[r] + log(vae->sum[r]));
}
