#include "elbow/train/draw.h"

#include <stdlib.h>
#include <string.h>

#include "elbow/store/picture.h"

enum { PAIR_COLUMNS = 10, CELL = 56 };

static const real grey = (real)(128.0 / 255.0); /* what a picture has between its cells */

static const char *const endings[] = {
    [ELBOW_IMAGE] = ".png", [ELBOW_TABLE] = ".csv", [ELBOW_SEQUENCE] = ".txt"};
static const char *const become[] = {[ELBOW_IMAGE] = "images become a picture",
                                     [ELBOW_TABLE] = "rows of a table become comma-separated values",
                                     [ELBOW_SEQUENCE] = "sequences become lines of text"};

const char *elbow_draw_ending(const elbow_field *field) { return endings[field->kind]; }

elbow_status elbow_draw_check(const elbow_field *field, const char *path) {
    const char *ending = endings[field->kind];
    size_t length = strlen(path), part = strlen(ending);
    bool text = field->kind != ELBOW_IMAGE;
    if (text && strcmp(path, "-") == 0) return ELBOW_OK;
    ELBOW_CHECK(
        text || elbow_pictures_available(), ELBOW_USAGE,
        "%s: this elbow was built without libpng and cannot draw; install libpng's development files and "
        "build again",
        path);
    ELBOW_CHECK(length > part && strcmp(path + length - part, ending) == 0, ELBOW_USAGE,
                "%s: %s; give -o a name that ends in %s%s", path, become[field->kind], ending,
                text ? ", or - for standard output" : "");
    return ELBOW_OK;
}

/* As few times enlarged as brings a cell to about 56 pixels. */
static size_t scale_of(const elbow_field *field) {
    size_t side = field->height > field->width ? field->height : field->width;
    return side >= CELL ? 1 : (CELL + side - 1) / side;
}

static elbow_status draw_grid(const elbow_examples *images, size_t columns, const char *path) {
    const elbow_field *field = images->field;
    size_t D = field->dimensions, count = images->count;
    for (size_t square = 1; columns == 0; square++)
        if (square * square >= count) columns = square;
    size_t rows = (count + columns - 1) / columns, cells = rows * columns;
    real *all = images->reals, *padded = NULL;
    if (cells > count) {
        padded = malloc(cells * D * sizeof *padded);
        ELBOW_CHECK(padded != NULL, ELBOW_MEMORY, "%s: no memory for %zu images; draw fewer", path, cells);
        memcpy(padded, all, count * D * sizeof *padded);
        for (size_t i = count * D; i < cells * D; i++) padded[i] = grey;
        all = padded;
    }
    elbow_status status = elbow_picture_write(path, all, rows, columns, field->height, field->width,
                                              field->channels, scale_of(field));
    free(padded);
    return status;
}

elbow_status elbow_draw_examples(const elbow_examples *examples, size_t columns, const elbow_notes *notes,
                                 const char *path) {
    ELBOW_TRY(elbow_draw_check(examples->field, path));
    if (examples->field->kind == ELBOW_IMAGE) return draw_grid(examples, columns, path);
    elbow_text text = {0};
    elbow_status status = elbow_text_add_examples(&text, examples, notes);
    if (status == ELBOW_OK) status = elbow_text_write(&text, path);
    elbow_text_destroy(&text);
    return status;
}

elbow_status elbow_draw_pairs(const elbow_examples *originals, const elbow_examples *made, size_t first,
                              const char *path) {
    const elbow_field *field = made->field;
    ELBOW_TRY(elbow_draw_check(field, path));
    if (field->kind == ELBOW_IMAGE)
        return elbow_picture_write_pairs(path, originals->reals, made->reals, made->count, PAIR_COLUMNS,
                                         field->height, field->width, field->channels, scale_of(field));
    elbow_text text = {0};
    elbow_status status = elbow_text_add_pairs(&text, originals, made, first);
    if (status == ELBOW_OK) status = elbow_text_write(&text, path);
    elbow_text_destroy(&text);
    return status;
}
