/* A block at a time: the model fills a list of parts, and a sink, HDF5 or CSV, takes them. */
#include "elbow/train/encode.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/file.h"
#include "base/h5.h"
#include "train/blocks.h"
#include "train/usage.h"

enum { BLOCK = ELBOW_EVALUATE_BLOCK, PARTS = 2 * 128 + 1, DEFLATE = 4, LABEL_MISSING = UINT16_MAX };

/* What becomes a dataset, or columns of a CSV: (rows, width) of one type. */
typedef struct part {
    char path[64]; /* "/latent.0/codes" */
    size_t group;
    elbow_h5_type type;
    elbow_h5_shape row; /* of one example */
    size_t width;
    bool columns; /* are in a CSV too */
    union {
        void *values;
        int64_t *codes;
        float *reals;
        uint16_t *labels;
    };
    XXH64_state_t *hash;
} part;

typedef struct encoding {
    const elbow_model *model;
    const elbow_view *view;
    const elbow_encode_request *request;
    bool conditional;
    elbow_arena *arena;
    elbow_pass pass;
    char purpose[32], temporary[PATH_MAX];
    size_t examples;
    part parts[PARTS]; /* the labels first, where there are any */
    size_t part_count;
    const elbow_field *label_field; /* NULL: no labels */
    elbow_slice *label_slice;
    elbow_batch labels;
    real *log_px;        /* (BLOCK) */
    double *probability; /* (most codes of a variable) */
    FILE *csv;
    elbow_h5 *file;
} encoding;

bool elbow_encode_conditional(const elbow_vae *vae) {
    for (size_t g = 0; g < elbow_vae_groups(vae); g++) {
        elbow_latent_view view = elbow_vae_group(vae, g);
        if (view.sequential || view.layer > 0) return true;
    }
    return false;
}

/* ------------------------------------------------------------------------------------------ the parts */

static elbow_status add_part(encoding *e, const char *path, size_t group, elbow_h5_type type,
                             elbow_h5_shape row, bool columns) {
    ELBOW_CHECK(e->part_count < PARTS, ELBOW_USAGE, "more than %d groups of latents", PARTS / 2);
    part *p = &e->parts[e->part_count++];
    snprintf(p->path, sizeof p->path, "%s", path);
    p->group = group;
    p->type = type;
    p->row = row;
    p->columns = columns;
    p->width = 1;
    for (size_t i = 0; i < row.dims; i++) p->width *= row.size[i];
    p->hash = XXH64_createState();
    ELBOW_CHECK(p->hash != NULL, ELBOW_MEMORY, "no memory for a checksum");
    XXH64_reset(p->hash, 0);
    return elbow_arena_take(e->arena, BLOCK * p->width, elbow_h5_type_size(type), &p->values);
}

static elbow_status add_group(encoding *e, size_t group, size_t *most_codes) {
    elbow_latent_view view = elbow_vae_group(e->model->vae, group);
    const elbow_h5_shape each = {1, {view.variables}}, all = {2, {view.variables, view.categories}};
    size_t codes = elbow_latent_codes(&view);
    char path[64];
    if (codes > *most_codes) *most_codes = codes;
    snprintf(path, sizeof path, "/latent.%zu/%s", group, view.discrete ? "codes" : "mean");
    ELBOW_TRY(add_part(e, path, group, view.discrete ? ELBOW_H5_I64 : ELBOW_H5_F32, each, true));
    snprintf(path, sizeof path, "/latent.%zu/%s", group, view.discrete ? "probabilities" : "sigma");
    return add_part(e, path, group, ELBOW_H5_F32, view.z_size > 1 ? all : each, false);
}

static elbow_status add_parts(encoding *e) {
    size_t most_codes = 1;
    elbow_dataset *dataset = e->view->dataset;
    if (elbow_dataset_has_labels(dataset, e->request->split)) {
        e->label_field = elbow_dataset_field(dataset, ELBOW_Y);
        ELBOW_TRY(add_part(e, "/label", 0, ELBOW_H5_U16, (elbow_h5_shape){0}, false));
        ELBOW_TRY(elbow_batch_reserve(&e->labels, e->label_field, NULL, BLOCK, e->arena));
        ELBOW_TRY(
            elbow_slice_read(&e->label_slice, dataset, e->request->split, ELBOW_Y, 0, e->examples, e->arena));
    }
    for (size_t g = 0; g < elbow_vae_groups(e->model->vae); g++) ELBOW_TRY(add_group(e, g, &most_codes));
    ELBOW_TRY(elbow_arena_reals(e->arena, BLOCK, &e->log_px));
    return elbow_arena_take(e->arena, most_codes, sizeof *e->probability, &e->probability);
}

/* ---------------------------------------------------------------------------------------- the values */

static void fill_labels(encoding *e, part *p, size_t first, size_t rows) {
    elbow_slice_gather(&e->labels.x, e->label_slice, NULL, first, rows, NULL);
    for (size_t r = 0; r < rows; r++) {
        real label = e->labels.x.reals[r];
        p->labels[r] = isnan(label) ? LABEL_MISSING : (uint16_t)label;
    }
}

/* The code of a drawn value. */
static int64_t code_of(const elbow_latent_view *view, const real *z) {
    if (view->z_size == 1) return z[0] > (real)0.5;
    size_t code = 0;
    while (code + 1 < view->z_size && z[code] < (real)0.5) code++;
    return (int64_t)code;
}

/* Variable v, counted over rows: the first value into p, the second into the part after it. */
static void fill_variable(encoding *e, const elbow_latent_view *view, part *p, size_t v) {
    const real *q = view->q + v * view->q_size, *z = view->z + v * view->z_size;
    bool draws = e->request->draws;
    size_t codes = elbow_latent_codes(view), best = 0;
    if (!view->discrete) {
        p->reals[v] = (float)(draws ? z[0] : q[0]);
        p[1].reals[v] = (float)exp((double)q[1]);
        return;
    }
    elbow_latent_probabilities(view, e->probability, q);
    for (size_t k = 1; k < codes; k++)
        if (e->probability[k] > e->probability[best]) best = k;
    p->codes[v] = draws ? code_of(view, z) : (int64_t)best;
    if (view->z_size == 1) p[1].reals[v] = (float)e->probability[1];
    for (size_t k = 0; view->z_size > 1 && k < codes; k++)
        p[1].reals[v * codes + k] = (float)e->probability[k];
}

static void fill(encoding *e, const elbow_batch *batch, size_t first) {
    elbow_vae *vae = e->model->vae;
    e->pass.example = (uint32_t)first;
    elbow_vae_encode(vae, &e->pass, batch);
    if (e->conditional || e->request->draws) elbow_vae_draw(vae, &e->pass, 0, e->log_px, NULL, NULL);
    size_t at = 0;
    if (e->label_field) fill_labels(e, &e->parts[at++], first, batch->rows);
    for (; at < e->part_count; at += 2) {
        elbow_latent_view view = elbow_vae_group(vae, e->parts[at].group);
        for (size_t v = 0; v < batch->rows * view.variables; v++) fill_variable(e, &view, &e->parts[at], v);
    }
}

/* ------------------------------------------------------------------------------------------- HDF5 */

static elbow_status begin_h5(encoding *e) {
    const elbow_model *model = e->model;
    char path[64];
    ELBOW_TRY(elbow_h5_create_disk(&e->file, e->temporary, e->request->output));
    ELBOW_TRY(elbow_h5_set_text(e->file, "/", "format", "elbow-codes"));
    ELBOW_TRY(elbow_h5_set_integer(e->file, "/", "version", 1));
    ELBOW_TRY(elbow_h5_set_text(e->file, "/", "checkpoint", model->file));
    ELBOW_TRY(elbow_h5_set_integer(e->file, "/", "step", model->checkpoint->step));
    ELBOW_TRY(elbow_h5_set_text(e->file, "/", "data", elbow_dataset_path(e->view->dataset)));
    ELBOW_TRY(elbow_h5_set_text(e->file, "/", "split", elbow_split_name(e->request->split)));
    ELBOW_TRY(elbow_h5_set_integer(e->file, "/", "draws", e->request->draws));
    for (size_t g = 0; g < elbow_vae_groups(model->vae); g++) {
        elbow_latent_view view = elbow_vae_group(model->vae, g);
        snprintf(path, sizeof path, "/latent.%zu", g);
        ELBOW_TRY(elbow_h5_group(e->file, path));
        ELBOW_TRY(elbow_h5_set_text(e->file, path, "kind", view.kind));
        ELBOW_TRY(elbow_h5_set_integer(e->file, path, "layer", (int64_t)view.layer));
        ELBOW_TRY(elbow_h5_set_integer(e->file, path, "sequential", view.sequential));
    }
    for (size_t i = 0; i < e->part_count; i++) {
        const part *p = &e->parts[i];
        elbow_h5_shape shape = {.dims = p->row.dims + 1, .size = {e->examples}};
        for (size_t d = 0; d < p->row.dims; d++) shape.size[d + 1] = p->row.size[d];
        size_t chunk = e->examples < BLOCK ? e->examples : BLOCK;
        ELBOW_TRY(elbow_h5_create_rows(e->file, p->path, p->type, shape, chunk, DEFLATE));
    }
    return ELBOW_OK;
}

static elbow_status put_h5(encoding *e, size_t first, size_t rows) {
    for (size_t i = 0; i < e->part_count; i++) {
        part *p = &e->parts[i];
        ELBOW_TRY(elbow_h5_write_rows(e->file, p->path, p->type, first, rows, p->values));
        XXH64_update(p->hash, p->values, rows * p->width * elbow_h5_type_size(p->type));
    }
    return ELBOW_OK;
}

static elbow_status end_h5(encoding *e) {
    for (size_t i = 0; i < e->part_count; i++)
        ELBOW_TRY(elbow_h5_set_checksum(e->file, e->parts[i].path, XXH64_digest(e->parts[i].hash)));
    for (size_t k = 0; e->label_field && k < e->label_field->columns[0].cardinality; k++) {
        char name[32];
        snprintf(name, sizeof name, "%zu", k);
        ELBOW_TRY(elbow_h5_set_text(e->file, "/label", name, e->label_field->columns[0].words[k]));
    }
    return elbow_h5_close(&e->file);
}

/* -------------------------------------------------------------------------------------------- CSV */

/* Quoted where it must be (RFC 4180). */
static void put_word(FILE *csv, const char *word) {
    if (strpbrk(word, ",\"\n\r") == NULL) {
        fputs(word, csv);
        return;
    }
    putc('"', csv);
    for (; *word; word++) {
        if (*word == '"') putc('"', csv);
        putc(*word, csv);
    }
    putc('"', csv);
}

static elbow_status fail_csv(const encoding *e) {
    return elbow_file_fail_write(e->request->output, errno, 0);
}

static elbow_status begin_csv(encoding *e) {
    e->csv = fopen(e->temporary, "w");
    if (e->csv == NULL) return fail_csv(e);
    fputs("index", e->csv);
    if (e->label_field) fputs(",label", e->csv);
    for (size_t i = 0; i < e->part_count; i++)
        for (size_t l = 0; e->parts[i].columns && l < e->parts[i].width; l++)
            fprintf(e->csv, ",latent.%zu.%zu", e->parts[i].group, l);
    putc('\n', e->csv);
    return ELBOW_OK;
}

static elbow_status put_csv(encoding *e, size_t first, size_t rows) {
    for (size_t r = 0; r < rows; r++) {
        fprintf(e->csv, "%zu", first + r);
        if (e->label_field) {
            uint16_t label = e->parts[0].labels[r];
            putc(',', e->csv);
            if (label != LABEL_MISSING) put_word(e->csv, e->label_field->columns[0].words[label]);
        }
        for (size_t i = 0; i < e->part_count; i++) {
            const part *p = &e->parts[i];
            for (size_t l = r * p->width; p->columns && l < (r + 1) * p->width; l++)
                if (p->type == ELBOW_H5_I64)
                    fprintf(e->csv, ",%lld", (long long)p->codes[l]);
                else
                    fprintf(e->csv, ",%.9g", (double)p->reals[l]);
        }
        putc('\n', e->csv);
    }
    return ferror(e->csv) ? fail_csv(e) : ELBOW_OK;
}

static elbow_status end_csv(encoding *e) {
    FILE *csv = e->csv;
    e->csv = NULL;
    return fclose(csv) == 0 ? ELBOW_OK : fail_csv(e);
}

/* ------------------------------------------------------------------------------------------- the file */

static bool is_csv(const char *path) {
    size_t length = strlen(path);
    return length > 4 && strcmp(path + length - 4, ".csv") == 0;
}

static elbow_status visit(void *context, const elbow_batch *batch, size_t first) {
    encoding *e = context;
    fill(e, batch, first);
    ELBOW_TRY(e->file ? put_h5(e, first, batch->rows) : put_csv(e, first, batch->rows));
    if (e->request->progress) e->request->progress(first + batch->rows, e->examples);
    return ELBOW_OK;
}

static elbow_status encode(encoding *e) {
    const elbow_encode_request *request = e->request;
    bool csv = is_csv(request->output);
    uint64_t seed = (uint64_t)e->model->options->run.seed;
    e->examples = elbow_dataset_count(e->view->dataset, request->split);
    ELBOW_CHECK(e->examples > 0, ELBOW_USAGE, "%s has no %s split; choose another with --split, or import it",
                elbow_dataset_path(e->view->dataset), elbow_split_name(request->split));
    e->conditional = elbow_encode_conditional(e->model->vae);
    snprintf(e->purpose, sizeof e->purpose, "evaluate.%s.", elbow_split_name(request->split));
    e->pass = (elbow_pass){
        .parameters = e->model->parameters, .seed = seed, .shard = ELBOW_SHARD_NONE, .purpose = e->purpose};
    ELBOW_TRY(elbow_arena_create(&e->arena));
    ELBOW_TRY(add_parts(e));
    ELBOW_TRY(elbow_file_temporary(request->output, e->temporary, sizeof e->temporary));
    elbow_status status = csv ? begin_csv(e) : begin_h5(e);
    if (status == ELBOW_OK)
        status = elbow_blocks_walk(e->view, e->model->vae, request->split, e->examples, seed, visit, e);
    if (status == ELBOW_OK) status = csv ? end_csv(e) : end_h5(e);
    if (status == ELBOW_OK) return elbow_file_commit(e->temporary, request->output);
    unlink(e->temporary);
    return status;
}

elbow_status elbow_encode(const elbow_model *model, const elbow_view *view,
                          const elbow_encode_request *request) {
    encoding *e = calloc(1, sizeof *e);
    ELBOW_CHECK(e != NULL, ELBOW_MEMORY, "no memory to encode with");
    e->model = model;
    e->view = view;
    e->request = request;
    elbow_status status = encode(e);
    if (e->csv) fclose(e->csv);
    elbow_h5_discard(&e->file);
    for (size_t i = 0; i < e->part_count; i++) XXH64_freeState(e->parts[i].hash);
    elbow_arena_destroy(&e->arena);
    free(e);
    return status;
}
