#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elbow/base/arena.h"
#include "store/checkpoint_layout.h"
#include "store/formats.h"
#include "store/metrics_h5.h"

enum { HEALTH_VERSION = 3 }; /* the first that says whether it is healthy */

/* Adds the tensors under /model to the layout. No tensor, and not all of them together, may claim more than
 * the file can hold: links in a hostile file can show one dataset under many names. */
static elbow_status read_layout(elbow_params *layout, const elbow_stored *stored, char **names,
                                size_t count) {
    for (size_t i = 0; i < count; i++) {
        char path[ELBOW_CHECKPOINT_PATH];
        elbow_h5_shape shape;
        size_t offset;
        ELBOW_CHECK(strlen(names[i]) < ELBOW_TENSOR_NAME, ELBOW_FORMAT,
                    "%s: /model/%.80s... is not a name of a tensor; the file is damaged, take an earlier one",
                    stored->path, names[i]);
        snprintf(path, sizeof path, "/model/%s", names[i]);
        ELBOW_TRY(elbow_stored_describe(stored, path, ELBOW_H5_REAL, &shape));
        elbow_status status = elbow_params_declare(layout, names[i], shape.dims, shape.size, 0, &offset);
        if (status != ELBOW_OK) return elbow_fail_prefix(status, "%s: /model", stored->path);
        ELBOW_CHECK(layout->count <= stored->bytes / sizeof(real), ELBOW_FORMAT,
                    "%s: /model claims more values than a file of %zu bytes can hold; the file is damaged, "
                    "take an earlier one",
                    stored->path, stored->bytes);
    }
    return ELBOW_OK;
}

static elbow_status read_tensors(real **values, const elbow_params *layout, const elbow_stored *stored,
                                 const char *group) {
    ELBOW_TRY(elbow_aligned_reals(layout->size, values));
    for (size_t i = 0; i < layout->tensor_count; i++) {
        const elbow_tensor *t = &layout->tensors[i];
        char path[ELBOW_CHECKPOINT_PATH];
        elbow_h5_shape shape;
        snprintf(path, sizeof path, "%s/%s", group, t->name);
        ELBOW_TRY(elbow_stored_describe(stored, path, ELBOW_H5_REAL, &shape));
        ELBOW_CHECK(shape.dims == t->dims && memcmp(shape.size, t->shape, t->dims * sizeof *t->shape) == 0,
                    ELBOW_FORMAT,
                    "%s: %s has not the shape of /model/%s; the file is damaged, take an earlier one",
                    stored->path, path, t->name);
        ELBOW_TRY(elbow_h5_read(stored->file, path, ELBOW_H5_REAL, t->count, true, *values + t->offset));
    }
    return ELBOW_OK;
}

static elbow_status read_model(elbow_checkpoint *c, const elbow_stored *stored) {
    char **names = NULL;
    size_t count = 0;
    ELBOW_CHECK(elbow_h5_has(stored->file, "/model"), ELBOW_FORMAT,
                "%s: /model is missing; the file is damaged, take an earlier one", stored->path);
    ELBOW_TRY(elbow_h5_list(stored->file, "/model", &names, &count));
    elbow_status status = read_layout(&c->own_layout, stored, names, count);
    elbow_h5_list_free(&names, count);
    if (status == ELBOW_OK) status = read_tensors(&c->parameters, &c->own_layout, stored, "/model");
    return status;
}

static elbow_status copy_name(char *out, size_t room, const char *name, const elbow_stored *stored) {
    int length = snprintf(out, room, "%s", name);
    ELBOW_CHECK(length > 0 && (size_t)length < room, ELBOW_FORMAT,
                "%s: \"%.80s\" under /optimizer is too long a name; the file is damaged, take an earlier one",
                stored->path, name);
    return ELBOW_OK;
}

static elbow_status read_slots(elbow_checkpoint *c, const elbow_stored *stored, char **names, size_t count) {
    ELBOW_CHECK(count <= ELBOW_CHECKPOINT_SLOTS, ELBOW_FORMAT,
                "%s: /optimizer/%s has %zu slots and this elbow reads up to %d; use the elbow that wrote it",
                stored->path, c->optimizer, count, ELBOW_CHECKPOINT_SLOTS);
    for (size_t s = 0; s < count; s++) {
        char path[ELBOW_CHECKPOINT_PATH];
        ELBOW_TRY(copy_name(c->slot_names[s], sizeof c->slot_names[s], names[s], stored));
        elbow_checkpoint_slot_path(path, c->optimizer, c->slot_names[s]);
        c->slots = s + 1;
        ELBOW_TRY(read_tensors(&c->slot_values[s], &c->own_layout, stored, path));
    }
    return ELBOW_OK;
}

static elbow_status read_optimizer(elbow_checkpoint *c, const elbow_stored *stored) {
    char **names = NULL, path[ELBOW_CHECKPOINT_PATH];
    size_t count = 0;
    ELBOW_CHECK(elbow_h5_has(stored->file, "/optimizer"), ELBOW_FORMAT,
                "%s: /optimizer is missing; the file is damaged, take an earlier one", stored->path);
    ELBOW_TRY(elbow_h5_list(stored->file, "/optimizer", &names, &count));
    elbow_status status =
        count == 1
            ? copy_name(c->optimizer, sizeof c->optimizer, names[0], stored)
            : elbow_fail(ELBOW_FORMAT,
                         "%s: %zu optimizers where there is one; the file is damaged, take an earlier one",
                         stored->path, count);
    elbow_h5_list_free(&names, count);
    if (status != ELBOW_OK) return status;

    snprintf(path, sizeof path, "/optimizer/%s", c->optimizer);
    ELBOW_TRY(elbow_h5_list(stored->file, path, &names, &count));
    status = read_slots(c, stored, names, count);
    elbow_h5_list_free(&names, count);
    return status;
}

elbow_status elbow_checkpoint_read_run(elbow_checkpoint *c, const elbow_stored *stored) {
    ELBOW_CHECK(elbow_h5_has(stored->file, "/run"), ELBOW_FORMAT,
                "%s: /run is missing; the file is damaged, take an earlier one", stored->path);
    for (size_t i = 0; i < elbow_run_attribute_count; i++) {
        const elbow_run_attribute *a = &elbow_run_attributes[i];
        char *member = (char *)c + a->offset;
        if (a->since > stored->version) continue;
        int64_t integer;
        double number;
        switch (a->kind) {
        case ELBOW_RUN_INTEGER:
            ELBOW_TRY(elbow_h5_get_integer(stored->file, "/run", a->name, &integer));
            memcpy(member, &integer, sizeof integer);
            break;
        case ELBOW_RUN_REAL:
            ELBOW_TRY(elbow_h5_get_real(stored->file, "/run", a->name, &number));
            memcpy(member, &number, sizeof number);
            break;
        case ELBOW_RUN_TEXT:
            ELBOW_TRY(elbow_h5_get_text(stored->file, "/run", a->name, member, a->room));
            break;
        }
    }
    return ELBOW_OK;
}

static elbow_status read_metrics(elbow_checkpoint *c, const elbow_stored *stored) {
    if (!elbow_h5_has(stored->file, "/metrics")) return ELBOW_OK;
    c->metrics = calloc(1, sizeof *c->metrics);
    ELBOW_CHECK(c->metrics, ELBOW_MEMORY, "%s: no memory for its metrics", stored->path);
    ELBOW_TRY(elbow_metrics_get(c->metrics, stored, "/metrics"));
    return elbow_metrics_get_partial(c->metrics, stored, "/metrics/partial");
}

static elbow_status read_text(char **text, const elbow_stored *stored, const char *name) {
    ELBOW_CHECK(elbow_h5_has(stored->file, name), ELBOW_FORMAT,
                "%s: %s is missing; the file is damaged, take an earlier one", stored->path, name);
    return elbow_h5_read_text(stored->file, name, text);
}

static elbow_status check_seal(elbow_checkpoint *c, const elbow_stored *stored) {
    char stored_seal[ELBOW_HASH_TEXT], seal[ELBOW_HASH_TEXT];
    ELBOW_TRY(elbow_h5_get_text(stored->file, "/run", "seal", stored_seal, sizeof stored_seal));
    elbow_checkpoint_hash(c, stored->version, c->digest, seal);
    ELBOW_CHECK(
        strcmp(seal, stored_seal) == 0, ELBOW_FORMAT,
        "%s: its parts do not belong together (seal %s, content %s): an attribute, a name or a dataset "
        "was changed; take an earlier one",
        stored->path, stored_seal, seal);
    return ELBOW_OK;
}

static elbow_status read_all(elbow_checkpoint *c, const elbow_stored *stored) {
    ELBOW_TRY(elbow_checkpoint_read_run(c, stored));
    ELBOW_TRY(read_model(c, stored));
    ELBOW_TRY(read_optimizer(c, stored));
    ELBOW_TRY(read_text(&c->config, stored, "/config"));
    ELBOW_TRY(read_text(&c->field, stored, "/field"));
    if (elbow_h5_has(stored->file, "/context")) ELBOW_TRY(read_text(&c->context, stored, "/context"));
    ELBOW_TRY(read_metrics(c, stored));
    ELBOW_TRY(check_seal(c, stored));
    if (stored->version < HEALTH_VERSION) c->healthy = elbow_checkpoint_is_finite(c, NULL);
    return ELBOW_OK;
}

elbow_status elbow_checkpoint_read(elbow_checkpoint **checkpoint, const char *path) {
    *checkpoint = NULL;
    elbow_stored stored;
    ELBOW_TRY(elbow_stored_open(&stored, path, ELBOW_KIND_CHECKPOINT));
    elbow_checkpoint *c = calloc(1, sizeof *c);
    elbow_status status;
    if (c && (c->file = strdup(path)) != NULL) {
        c->layout = &c->own_layout;
        c->previous_step = -1;
        status = elbow_h5_check_intact(stored.file, read_all(c, &stored));
    } else {
        status = elbow_fail(ELBOW_MEMORY, "%s: no memory to read it", path);
    }
    elbow_stored_close(&stored);
    if (status == ELBOW_OK)
        *checkpoint = c;
    else
        elbow_checkpoint_destroy(&c);
    return status;
}

elbow_status elbow_checkpoint_glance(const char *path, bool *healthy) {
    elbow_stored stored;
    int64_t value = 1;
    ELBOW_TRY(elbow_stored_open(&stored, path, ELBOW_KIND_CHECKPOINT));
    elbow_status status = ELBOW_OK;
    if (stored.version >= HEALTH_VERSION)
        status = elbow_h5_get_integer(stored.file, "/run", "healthy", &value);
    elbow_stored_close(&stored);
    *healthy = value == 1;
    return status;
}

elbow_status elbow_checkpoint_facts(const char *path, elbow_facts *facts) {
    elbow_stored stored;
    elbow_checkpoint run = {0};
    ELBOW_TRY(elbow_stored_open(&stored, path, ELBOW_KIND_CHECKPOINT));
    elbow_status status = elbow_checkpoint_read_run(&run, &stored);
    elbow_stored_close(&stored);
    *facts = run.facts;
    return status;
}

void elbow_checkpoint_destroy(elbow_checkpoint **checkpoint) {
    elbow_checkpoint *c = *checkpoint;
    if (!c) return;
    free(c->file);
    free(c->config);
    free(c->field);
    free(c->context);
    free(c->parameters);
    for (size_t s = 0; s < c->slots; s++) free(c->slot_values[s]);
    if (c->metrics) elbow_metrics_destroy(c->metrics);
    free(c->metrics);
    elbow_params_destroy(&c->own_layout);
    free(c);
    *checkpoint = NULL;
}
