/* Folders of PNG pictures: every picture is an example. All have one size; where one of them has colours, all do. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "data/columns.h"
#include "data/field.h"
#include "data/folder.h"
#include "data/import_list.h"
#include "data/source.h"
#include "data/writer.h"
#include "elbow/base/log.h"

#ifdef ELBOW_HAVE_PNG
#include <png.h>

enum { FILE_MOST = 1 << 28, SIDE_MOST = 1 << 15 };

typedef struct picture {
    size_t height, width, channels; /* 1 or 3 */
    uint8_t *pixels;                /* (height, width, channels); room for `room` of them */
    size_t room;
    uint8_t **rows; /* (height) */
    size_t rows_room;
} picture;

/* ------------------------------------------------------------------------------------------ a file */

typedef struct png_bytes {
    const char *at;
    size_t left;
    char problem[160];
    jmp_buf jump;
} png_bytes;

static void give_bytes(png_structp png, png_bytep out, size_t count) {
    png_bytes *bytes = png_get_io_ptr(png);
    if (count > bytes->left) png_error(png, "it is cut short");
    memcpy(out, bytes->at, count);
    bytes->at += count;
    bytes->left -= count;
}

static void keep_problem(png_structp png, png_const_charp text) {
    png_bytes *bytes = png_get_error_ptr(png);
    snprintf(bytes->problem, sizeof bytes->problem, "%s", text);
    longjmp(bytes->jump, 1);
}

static void ignore_warning(png_structp png, png_const_charp text) { (void)png, (void)text; }

static bool make_room(picture *p) {
    size_t count = p->height * p->width * p->channels;
    if (count > p->room) {
        free(p->pixels);
        p->pixels = malloc(count);
        p->room = p->pixels != NULL ? count : 0;
    }
    if (p->height > p->rows_room) {
        free(p->rows);
        p->rows = malloc(p->height * sizeof *p->rows);
        p->rows_room = p->rows != NULL ? p->height : 0;
    }
    if (p->pixels == NULL || p->rows == NULL) return false;
    for (size_t y = 0; y < p->height; y++) p->rows[y] = p->pixels + y * p->width * p->channels;
    return true;
}

/* Grey or red, green, blue of 8 bits; what is transparent is as opaque. Problems jump. */
static void decode(png_structp png, png_infop info, picture *p) {
    png_set_user_limits(png, SIDE_MOST, SIDE_MOST);
    png_read_info(png, info);
    png_set_expand(png);
    png_set_strip_16(png);
    png_set_strip_alpha(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    p->height = png_get_image_height(png, info);
    p->width = png_get_image_width(png, info);
    p->channels = png_get_channels(png, info);
    if (p->channels != 1 && p->channels != 3) png_error(png, "it is neither grey nor red, green, blue");
    if (p->height > ELBOW_DIMENSIONS_MOST / p->width / p->channels)
        png_error(png, "it has more than 16777216 values");
    if (!make_room(p)) png_error(png, "there is no memory for it");
    png_read_image(png, p->rows);
    png_read_end(png, NULL);
}

/* In a function of its own: what a jump could clobber is not used after it. */
static bool decode_safely(png_structp png, png_infop info, picture *p, png_bytes *bytes) {
    if (setjmp(bytes->jump) != 0) return false;
    decode(png, info, p);
    return true;
}

/* ELBOW_FORMAT is of this picture alone; `problem` says what it is. */
static elbow_status read_picture(picture *p, const char *path, char problem[200]) {
    char *file = NULL;
    png_bytes bytes = {.at = NULL};
    ELBOW_TRY(elbow_file_read(path, FILE_MOST, &file, &bytes.left));
    bytes.at = file;
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &bytes, keep_problem, ignore_warning);
    png_infop info = png != NULL ? png_create_info_struct(png) : NULL;
    elbow_status status = ELBOW_OK;
    if (info == NULL) {
        status = elbow_fail(ELBOW_MEMORY, "%s: no memory to read it", path);
    } else if (bytes.left < 8 || png_sig_cmp((png_const_bytep)file, 0, 8) != 0) {
        const char *guess = elbow_source_guess(file, bytes.left < 64 ? bytes.left : 64);
        snprintf(problem, 200, "not a PNG picture%s%s",
                 guess != NULL     ? "; it looks like "
                 : bytes.left == 0 ? "; it is empty"
                                   : "",
                 guess != NULL ? guess : "");
        status = ELBOW_FORMAT;
    } else {
        png_set_read_fn(png, &bytes, give_bytes);
        if (!decode_safely(png, info, p, &bytes)) {
            snprintf(problem, 200, "cannot be decoded (%s)", bytes.problem);
            status = ELBOW_FORMAT;
        }
    }
    png_destroy_read_struct(png != NULL ? &png : NULL, info != NULL ? &info : NULL, NULL);
    free(file);
    return status;
}

/* ----------------------------------------------------------------------------------------- folders */

typedef struct png_import {
    const elbow_import_request *request;
    elbow_folder folder;
    picture picture;
    uint8_t *wide; /* a grey picture with three channels */
    elbow_field field, labels;
    elbow_column_facts label_facts;
    bool labelled, unlabelled;
    enum { LEARN, LEARN_TRAIN, WRITE } stage;
    elbow_bad_rows unseen;
    elbow_writer *writer;
    char first[1000]; /* the picture whose size all have */
} png_import;

static elbow_status write_picture(png_import *import, elbow_split split, size_t i) {
    const picture *p = &import->picture;
    const elbow_folder *folder = &import->folder;
    const uint8_t *pixels = p->pixels;
    double code = 0;
    if (import->labelled) {
        const char *name = folder->names[folder->classes[i]];
        if (!elbow_column_value(&import->label_facts, &import->labels.columns[0], name, strlen(name), &code))
            return elbow_bad_row(&import->unseen, folder->paths[i], 0,
                                 "its class `%.60s` is nowhere in the training split", name);
    }
    if (p->channels < import->field.channels) {
        for (size_t k = 0; k < import->field.dimensions; k++) import->wide[k] = p->pixels[k / 3];
        pixels = import->wide;
    }
    ELBOW_TRY(elbow_writer_append_images(import->writer, split, ELBOW_X, pixels, 1));
    int32_t label = (int32_t)code;
    return import->labelled ? elbow_writer_append_labels(import->writer, split, &label, 1) : ELBOW_OK;
}

static elbow_status learn_picture(png_import *import, elbow_split split, size_t i) {
    const elbow_folder *folder = &import->folder;
    if (import->picture.channels > import->field.channels) import->field.channels = import->picture.channels;
    if (folder->named == 0) return ELBOW_OK;
    const char *name = folder->names[folder->classes[i]];
    if (import->stage == LEARN) return elbow_column_see(&import->label_facts, name, strlen(name));
    if (split == ELBOW_TRAIN) elbow_column_see_train(&import->label_facts, name, strlen(name));
    return ELBOW_OK;
}

static elbow_status take_picture(png_import *import, elbow_plan *plan, size_t i) {
    const char *path = import->folder.paths[i];
    picture *p = &import->picture;
    elbow_field *field = &import->field;
    char problem[200];
    elbow_status status = read_picture(p, path, problem);
    if (status == ELBOW_FORMAT) return elbow_bad_row(&plan->bad, path, 0, "%s", problem);
    ELBOW_TRY(status);
    if (field->height == 0) {
        *field = (elbow_field){.kind = ELBOW_IMAGE, .height = p->height, .width = p->width, .channels = 1};
        snprintf(import->first, sizeof import->first, "%s", path);
    }
    if (p->height != field->height || p->width != field->width)
        return elbow_bad_row(
            &plan->bad, path, 0,
            "%zu x %zu pixels (height, width), but %.300s has %zu x %zu; bring all to one size "
            "first",
            p->height, p->width, import->first, field->height, field->width);
    elbow_split split = elbow_plan_next(plan);
    return import->stage == WRITE ? write_picture(import, split, i) : learn_picture(import, split, i);
}

static elbow_status read_folder(void *self, elbow_plan *plan, const char *path) {
    png_import *import = self;
    elbow_folder *folder = &import->folder;
    elbow_folder_destroy(folder);
    ELBOW_TRY(elbow_folder_read(folder, path, ".png"));
    if (folder->others > 0 && import->stage == LEARN)
        elbow_notice("%s: %zu file%s of another ending than .png left out", path, folder->others,
                     folder->others == 1 ? "" : "s");
    ELBOW_CHECK(folder->count > 0, ELBOW_FORMAT, "%s: no .png picture in it; give another folder", path);
    import->labelled = import->labelled || folder->named > 0;
    import->unlabelled = import->unlabelled || folder->named == 0;
    ELBOW_CHECK(!import->labelled || !import->unlabelled, ELBOW_FORMAT,
                "%s: pictures %s folders of classes, and other splits are otherwise; give all splits alike",
                path, folder->named > 0 ? "in" : "without");
    for (size_t i = 0; i < folder->count; i++) ELBOW_TRY(take_picture(import, plan, i));
    return ELBOW_OK;
}

/* ------------------------------------------------------------------------------------------ import */

static elbow_status describe(png_import *import) {
    const char *subject = import->first;
    elbow_field *field = &import->field;
    field->dimensions = field->height * field->width * field->channels;
    import->wide = malloc(field->dimensions);
    ELBOW_CHECK(import->wide != NULL, ELBOW_MEMORY, "%s: no memory to read it", subject);
    ELBOW_TRY(elbow_writer_create(&import->writer, import->request));
    ELBOW_TRY(elbow_writer_describe(import->writer, ELBOW_X, field));
    if (!import->labelled) return ELBOW_OK;
    import->labels = (elbow_field){.kind = ELBOW_TABLE};
    ELBOW_TRY(elbow_field_take_columns(&import->labels, 1));
    ELBOW_TRY(elbow_column_describe(&import->label_facts, subject, "class", &import->labels.columns[0]));
    return elbow_writer_describe(import->writer, ELBOW_Y, &import->labels);
}

static elbow_status run_passes(png_import *import, elbow_plan *plan) {
    import->label_facts.kind = ELBOW_COLUMN_CATEGORICAL;
    ELBOW_TRY(elbow_plan_pass(plan, true, read_folder, import));
    if (import->labelled) {
        ELBOW_TRY(elbow_column_decide(&import->label_facts, import->first, "class"));
        import->stage = LEARN_TRAIN;
        ELBOW_TRY(elbow_plan_pass(plan, true, read_folder, import));
    }
    ELBOW_TRY(describe(import));
    import->stage = WRITE;
    ELBOW_TRY(elbow_plan_pass(plan, false, read_folder, import));
    ELBOW_TRY(elbow_bad_rows_end(&import->unseen));
    return elbow_writer_finish(&import->writer);
}

/* A folder with train and test in it has its splits already. `paths` owns their names. */
static elbow_status find_splits(elbow_import_request *request, char *paths[ELBOW_SPLITS]) {
    if (request->input == NULL) return ELBOW_OK;
    bool found[ELBOW_SPLITS];
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++) {
        ELBOW_TRY(elbow_path_join(request->input, elbow_split_name(split), &paths[split]));
        found[split] = elbow_file_is_directory(paths[split]);
    }
    if (!found[ELBOW_TRAIN] || !found[ELBOW_TEST]) return ELBOW_OK;
    ELBOW_CHECK(!request->cuts, ELBOW_USAGE,
                "%s: has folders train and test, so --split and --seed have nothing to cut; leave them out",
                request->input);
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++)
        if (found[split]) request->inputs[split] = paths[split];
    request->input = NULL;
    return ELBOW_OK;
}

static elbow_status import_png(const elbow_import_request *request) {
    elbow_import_request split_request = *request;
    char *paths[ELBOW_SPLITS] = {NULL};
    elbow_plan plan;
    png_import import = {.request = &split_request, .unseen = {.skip = request->skip_bad}};
    elbow_plan_begin(&plan, &split_request);
    elbow_status status = find_splits(&split_request, paths);
    if (status == ELBOW_OK) status = run_passes(&import, &plan);
    elbow_plan_end(&plan);
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++) free(paths[split]);
    elbow_folder_destroy(&import.folder);
    elbow_column_facts_destroy(&import.label_facts);
    elbow_field_destroy(&import.labels);
    elbow_writer_discard(&import.writer);
    free(import.picture.pixels);
    free(import.picture.rows);
    free(import.wide);
    return status;
}

#else

static elbow_status import_png(const elbow_import_request *request) {
    (void)request;
    return elbow_fail(ELBOW_USAGE,
                      "this elbow was built without libpng; install it (Debian libpng-dev) and build again");
}

#endif

const elbow_importer elbow_import_png = {
    .name = "png",
    .summary = "folders of PNG pictures; folders in them are classes",
    .input = "FOLDER",
    .about =
        "Makes a data file from folders of PNG pictures (FOLDER/NAME.png), all of one size; those in "
        "folders\n"
        "of their own (FOLDER/CLASS/NAME.png) are labelled by them. A folder with train and test (and\n"
        "valid) in it has its splits; any other is cut. Where one picture has colours, all are read so;\n"
        "16 bits become 8, and what is transparent is as opaque. Pictures are in the order of names.\n",
    .examples = "  elbow import png faces --split 0.8,0.1,0.1 -o faces.h5\n"
                "  elbow import png --train digits/training --test digits/testing -o digits.h5\n",
    .takes = ELBOW_IMPORT_SPLITS | ELBOW_IMPORT_CUT | ELBOW_IMPORT_BAD_ROWS | ELBOW_IMPORT_HALVES,
    .flags = NULL,
    .import = import_png,
};
