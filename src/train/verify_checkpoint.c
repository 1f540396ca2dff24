/* A checkpoint: more than that its bytes are those that were written (store/checkpoint_read.c), what they mean. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elbow/optim/optimizer.h"
#include "elbow/vae/vae.h"
#include "store/formats.h"
#include "train/verify_inside.h"

enum { DIGEST_BYTES = 33 };

/* ------------------------------------------------------------------------------------------- the model */

static bool same_shape(const elbow_tensor *a, const elbow_tensor *b) {
    return a->dims == b->dims && memcmp(a->shape, b->shape, a->dims * sizeof *a->shape) == 0;
}

/* Every tensor of the model, in its shape, and no other. */
static elbow_status check_layout(const elbow_params *model, const elbow_params *stored, const char *path) {
    for (size_t i = 0; i < model->tensor_count; i++) {
        const elbow_tensor *want = &model->tensors[i], *have = elbow_params_find(stored, want->name);
        ELBOW_CHECK(have != NULL, ELBOW_MISMATCH,
                    "%s: no tensor %s, which the model of its config has; it cannot be resumed: take another",
                    path, want->name);
        ELBOW_CHECK(same_shape(want, have), ELBOW_MISMATCH,
                    "%s: tensor %s has not the shape that it has in the model of its config; it cannot be "
                    "resumed: take another",
                    path, want->name);
    }
    for (size_t i = 0; i < stored->tensor_count; i++)
        ELBOW_CHECK(elbow_params_find(model, stored->tensors[i].name) != NULL, ELBOW_MISMATCH,
                    "%s: tensor %s, which the model of its config has not; it cannot be resumed: take "
                    "another",
                    path, stored->tensors[i].name);
    return ELBOW_OK;
}

/* The model of the checkpoint's config. */
static elbow_status make_model(elbow_vae **vae, const elbow_checkpoint *c, const elbow_options *options,
                               const char *path) {
    elbow_field x, context;
    bool given = false;
    *vae = NULL;
    ELBOW_TRY(elbow_checkpoint_get_field(c, &x, path));
    elbow_status status = elbow_checkpoint_get_context(c, &context, &given, path);
    if (status == ELBOW_OK) {
        status = elbow_vae_create(vae, options, &x, given ? &context : NULL);
        if (status != ELBOW_OK) elbow_fail_prefix(status, "%s: no model can be made of its config", path);
        elbow_field_destroy(&context);
    }
    elbow_field_destroy(&x);
    return status;
}

static elbow_status check_model(const elbow_checkpoint *c, const elbow_options *options, const char *path) {
    elbow_vae *vae = NULL;
    ELBOW_TRY(make_model(&vae, c, options, path));
    elbow_status status = check_layout(elbow_vae_params(vae), c->layout, path);
    elbow_vae_destroy(&vae);
    return status;
}

/* The model's tensors that are stored come to the front one by one; what it has not stays behind them. */
static void sort_layout(elbow_params *stored, const elbow_params *model) {
    size_t next = 0;
    for (size_t i = 0; i < model->tensor_count; i++) {
        size_t at = next;
        while (at < stored->tensor_count && strcmp(stored->tensors[at].name, model->tensors[i].name) != 0)
            at++;
        if (at == stored->tensor_count) continue;
        elbow_tensor found = stored->tensors[at];
        memmove(&stored->tensors[next + 1], &stored->tensors[next], (at - next) * sizeof found);
        stored->tensors[next++] = found;
    }
}

void elbow_verify_order(elbow_checkpoint *c) {
    elbow_options *options = NULL;
    elbow_vae *vae = NULL;
    if (c->layout != &c->own_layout || c->config == NULL) return;
    if (elbow_options_create(&options) == ELBOW_OK &&
        elbow_options_parse(options, c->config, "/config") == ELBOW_OK &&
        make_model(&vae, c, options, "/config") == ELBOW_OK)
        sort_layout(&c->own_layout, elbow_vae_params(vae));
    elbow_vae_destroy(&vae);
    elbow_options_destroy(&options);
}

static bool has_slot(const elbow_checkpoint *c, const char *name) {
    for (size_t s = 0; s < c->slots; s++)
        if (strcmp(c->slot_names[s], name) == 0) return true;
    return false;
}

static elbow_status check_optimizer(const elbow_checkpoint *c, const elbow_options *options,
                                    const char *path) {
    elbow_optimizer *optimizer = NULL;
    elbow_status status = elbow_optimizer_create(&optimizer, options, 0, 0);
    if (status != ELBOW_OK)
        return elbow_fail_prefix(status, "%s: no optimizer can be made of its config", path);
    const char *name = elbow_optimizer_name(optimizer);
    if (strcmp(name, c->optimizer) != 0)
        status = elbow_fail(ELBOW_MISMATCH,
                            "%s: it has the state of %s, and its config says %s; it cannot be resumed: take "
                            "another",
                            path, c->optimizer, name);
    for (size_t s = 0; s < elbow_optimizer_slots(optimizer) && status == ELBOW_OK; s++)
        if (!has_slot(c, elbow_optimizer_slot_name(optimizer, s)))
            status =
                elbow_fail(ELBOW_MISMATCH, "%s: no %s, which %s keeps; it cannot be resumed: take another",
                           path, elbow_optimizer_slot_name(optimizer, s), name);
    elbow_optimizer_destroy(&optimizer);
    return status;
}

static elbow_status check_config(const elbow_checkpoint *c, const char *path) {
    char name[1024];
    elbow_options *options = NULL;
    snprintf(name, sizeof name, "%.1000s: /config", path);
    elbow_status status = elbow_options_create(&options);
    if (status == ELBOW_OK) status = elbow_options_parse(options, c->config, name);
    if (status == ELBOW_OK && options->run.seed != c->seed)
        status =
            elbow_fail(ELBOW_MISMATCH, "%s: run.seed is %" PRId64 ", and /run says %" PRId64 "; take another",
                       name, options->run.seed, c->seed);
    if (status == ELBOW_OK && options->parallel.shards != c->shards)
        status = elbow_fail(ELBOW_MISMATCH,
                            "%s: parallel.shards is %" PRId64 ", and /run says %" PRId64 "; take another",
                            name, options->parallel.shards, c->shards);
    if (status == ELBOW_OK) status = check_model(c, options, path);
    if (status == ELBOW_OK) status = check_optimizer(c, options, path);
    elbow_options_destroy(&options);
    return status;
}

/* ------------------------------------------------------------------------------------------- its values */

/* "[3, 17]" */
static void index_text(char text[ELBOW_TENSOR_DIMS * 24], const elbow_tensor *t, size_t index) {
    size_t at = 0, below = t->count;
    text[0] = '\0';
    for (size_t d = 0; d < t->dims; d++) {
        below /= t->shape[d];
        at +=
            (size_t)snprintf(text + at, ELBOW_TENSOR_DIMS * 24 - at, "%s%zu", d ? ", " : "[", index / below);
        index %= below;
    }
    if (t->dims > 0) snprintf(text + at, ELBOW_TENSOR_DIMS * 24 - at, "]");
}

/* Finite values, and, where `positive`, not negative ones. */
static elbow_status check_values(const elbow_params *layout, const real *values, bool positive,
                                 const char *what, const char *path) {
    for (size_t i = 0; i < layout->tensor_count; i++) {
        const elbow_tensor *t = &layout->tensors[i];
        const real *value = values + t->offset;
        size_t wrong = 0, first = 0;
        for (size_t k = t->count; k-- > 0;)
            if (!isfinite(value[k]) || (positive && value[k] < 0)) {
                wrong++;
                first = k;
            }
        if (wrong == 0) continue;
        char where[ELBOW_TENSOR_DIMS * 24];
        index_text(where, t, first);
        return elbow_fail(ELBOW_NUMERIC,
                          "%s: %s%s: %zu of %zu values %s, the first %s%s = %g; take an earlier checkpoint, "
                          "and a lower optimizer.learning_rate or optimizer.clip_norm",
                          path, what, t->name, wrong, t->count,
                          positive && isfinite(value[first]) ? "are negative or not finite"
                                                             : "are not finite",
                          t->name, where, (double)value[first]);
    }
    return ELBOW_OK;
}

static elbow_status check_state(const elbow_checkpoint *c, const char *path) {
    ELBOW_TRY(check_values(c->layout, c->parameters, false, "", path));
    for (size_t s = 0; s < c->slots; s++) {
        char what[80];
        snprintf(what, sizeof what, "%s of ", c->slot_names[s]);
        bool positive = strcmp(c->slot_names[s], "second_moment") == 0; /* a mean of squares */
        ELBOW_TRY(check_values(c->layout, c->slot_values[s], positive, what, path));
    }
    return ELBOW_OK;
}

/* step-000001200.h5 is of step 1200. */
static elbow_status check_name(const elbow_checkpoint *c, const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    long long step = 0;
    char rest[8] = "";
    if (sscanf(name, "step-%lld%7s", &step, rest) != 2 || strcmp(rest, ".h5") != 0) return ELBOW_OK;
    ELBOW_CHECK(step == (long long)c->step, ELBOW_MISMATCH,
                "%s: it is of step %" PRId64 ", not %lld; it was renamed: give it its name back", path,
                c->step, step);
    return ELBOW_OK;
}

static elbow_status check_numbers(const elbow_checkpoint *c, const char *path) {
    ELBOW_CHECK(
        c->step >= 0 && c->epoch >= 0 && c->epoch <= c->step && c->shards >= 1 && c->step <= c->run_steps,
        ELBOW_MISMATCH,
        "%s: step %" PRId64 " of %" PRId64 ", epoch %" PRId64 ", %" PRId64 " shards cannot be; take another",
        path, c->step, c->run_steps, c->epoch, c->shards);
    ELBOW_CHECK(!isnan(c->best) && (isinf(c->best) || c->best_step <= c->step), ELBOW_MISMATCH,
                "%s: its best -ELBO so far, %g at step %" PRId64 ", cannot be; take another", path, c->best,
                c->best_step);
    ELBOW_CHECK(isfinite(c->seconds) && c->seconds >= 0, ELBOW_MISMATCH,
                "%s: %g seconds of training cannot be; take another", path, c->seconds);
    return check_name(c, path);
}

/* The stored digest is what people compare: it has to be that of what is stored. */
static elbow_status check_digest(const char *digest, const char *path) {
    char said[DIGEST_BYTES];
    elbow_stored stored;
    ELBOW_TRY(elbow_stored_open(&stored, path, ELBOW_KIND_CHECKPOINT));
    elbow_status status = elbow_h5_get_text(stored.file, "/run", "digest", said, sizeof said);
    elbow_stored_close(&stored);
    ELBOW_TRY(status);
    ELBOW_CHECK(strcmp(said, digest) == 0, ELBOW_FORMAT,
                "%s: its digest is %s, and it says %s; it was changed: take an earlier one", path, digest,
                said);
    return ELBOW_OK;
}

elbow_status elbow_verify_checkpoint(elbow_checkpoint **checkpoint, const char *path,
                                     char text[ELBOW_VERIFY_TEXT]) {
    char digest[DIGEST_BYTES], size[32];
    ELBOW_TRY(elbow_checkpoint_read(checkpoint, path));
    const elbow_checkpoint *c = *checkpoint;
    elbow_checkpoint_digest(c, digest);
    elbow_status status = check_digest(digest, path);
    if (status == ELBOW_OK) status = check_numbers(c, path);
    if (status == ELBOW_OK) status = check_config(c, path);
    if (status == ELBOW_OK) status = check_state(c, path);
    if (status == ELBOW_OK && c->metrics) status = elbow_verify_metrics(c->metrics, c->step, path);
    snprintf(text, ELBOW_VERIFY_TEXT, "checkpoint of step %" PRId64 ", digest %s, %s", c->step, digest,
             elbow_verify_size(size, path));
    if (status != ELBOW_OK) elbow_checkpoint_destroy(checkpoint);
    return status;
}
