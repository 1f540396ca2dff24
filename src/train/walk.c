#include "elbow/train/walk.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "elbow/base/number.h"

enum { DIGITS = 4 };

/* A variable of the layer next to x: where its z is, and how many values it has (0: a real). */
typedef struct variable {
    size_t column, width, values;
} variable;

size_t elbow_walk_variables(const elbow_vae *vae) {
    size_t count = 0;
    for (size_t g = 0; g < elbow_vae_groups(vae); g++) {
        elbow_latent_view view = elbow_vae_group(vae, g);
        if (view.decoded) count += view.variables;
    }
    return count;
}

static variable find(const elbow_vae *vae, size_t index) {
    for (size_t g = 0; g < elbow_vae_groups(vae); g++) {
        elbow_latent_view view = elbow_vae_group(vae, g);
        if (!view.decoded) continue;
        if (index >= view.variables) {
            index -= view.variables;
            continue;
        }
        size_t values = !view.discrete ? 0 : view.z_size > 1 ? view.categories : 2;
        return (variable){
            .column = view.column + index * view.z_size, .width = view.z_size, .values = values};
    }
    return (variable){0};
}

bool elbow_walk_has_gaussian(const elbow_vae *vae, int64_t index) {
    for (size_t v = 0; v < elbow_walk_variables(vae); v++)
        if ((index < 0 || v == (size_t)index) && find(vae, v).values == 0) return true;
    return false;
}

/* `given` of one example, for all of `count`; NULL where nothing is given. */
static elbow_status repeat_given(const elbow_maker *maker, const elbow_encoded *from, size_t count,
                                 elbow_examples *given, const elbow_examples **used) {
    *used = NULL;
    if (from->given.field == NULL) return ELBOW_OK;
    size_t D = from->given.field->dimensions;
    ELBOW_TRY(elbow_examples_reserve(given, from->given.field, count, maker->arena));
    for (size_t i = 0; i < count; i++)
        memcpy(given->reals + i * D, from->given.reals, D * sizeof *given->reals);
    *used = given;
    return ELBOW_OK;
}

static elbow_status decode(const elbow_maker *maker, const real *z, const elbow_encoded *from, size_t count,
                           elbow_examples *made) {
    elbow_examples given;
    const elbow_examples *used;
    ELBOW_TRY(repeat_given(maker, from, count, &given, &used));
    return elbow_make_decodes(maker, z, used, count, made);
}

/* Notes of `columns` texts an example, each with room for a number. */
static elbow_status make_notes(const elbow_maker *maker, elbow_notes *notes, const char *const *names,
                               size_t columns, size_t count, const char ***cells,
                               char (**texts)[ELBOW_NUMBER_BYTES]) {
    ELBOW_TRY(elbow_arena_take(maker->arena, count * columns, sizeof **cells, cells));
    ELBOW_TRY(elbow_arena_take(maker->arena, count * columns, sizeof **texts, texts));
    for (size_t i = 0; i < count * columns; i++) (*cells)[i] = (*texts)[i];
    *notes = (elbow_notes){.count = columns, .names = names, .cells = *cells};
    return ELBOW_OK;
}

/* ----------------------------------------------------------------------------------------- one by one */

static size_t values_of(const variable *v, const elbow_walk_range *range) {
    return v->values > 0 ? v->values : range->steps;
}

static real range_value(const elbow_walk_range *range, size_t i) {
    if (range->steps == 1) return (real)((range->least + range->most) / 2);
    return (real)(range->least + (range->most - range->least) * (double)i / (double)(range->steps - 1));
}

/* The i-th value of a variable into a row of z; its text. */
static void set_value(real *z, const variable *v, const elbow_walk_range *range, size_t i,
                      char text[ELBOW_NUMBER_BYTES]) {
    real *own = z + v->column;
    if (v->values == 0)
        own[0] = range_value(range, i);
    else if (v->width == 1)
        own[0] = (real)i;
    else
        for (size_t k = 0; k < v->width; k++) own[k] = (real)(k == i);
    elbow_number_rounded_text(text, v->values == 0 ? (double)own[0] : (double)i, DIGITS);
}

/* Rows of a picture with as many cells as the longest has: what is missing is grey. */
static elbow_status pad_rows(const elbow_maker *maker, elbow_walk *walk, const size_t *lengths, size_t rows) {
    elbow_examples all;
    const elbow_field *field = walk->examples.field;
    size_t D = field->dimensions, longest = 0, at = 0;
    for (size_t r = 0; r < rows; r++)
        if (lengths[r] > longest) longest = lengths[r];
    walk->columns = longest;
    if (longest * rows == walk->examples.count) return ELBOW_OK;
    ELBOW_TRY(elbow_examples_reserve(&all, field, rows * longest, maker->arena));
    for (size_t i = 0; i < rows * longest * D; i++) all.reals[i] = (real)(128.0 / 255.0);
    for (size_t r = 0; r < rows; at += lengths[r++])
        memcpy(all.reals + r * longest * D, walk->examples.reals + at * D,
               lengths[r] * D * sizeof *all.reals);
    walk->examples = all;
    return ELBOW_OK;
}

elbow_status elbow_walk_latents(const elbow_maker *maker, const elbow_encoded *from, int64_t index,
                                const elbow_walk_range *range, elbow_walk *walk) {
    static const char *const names[] = {"latent", "value"};
    const elbow_vae *vae = maker->vae;
    size_t width = elbow_vae_z_width(vae), variables = elbow_walk_variables(vae), count = 0, row = 0;
    ELBOW_CHECK(index < (int64_t)variables, ELBOW_USAGE,
                "latent %lld: the layer next to x has latents 0 to %zu", (long long)index, variables - 1);
    size_t first = index < 0 ? 0 : (size_t)index, rows = index < 0 ? variables : 1, *lengths = NULL;
    const char **cells = NULL;
    char(*texts)[ELBOW_NUMBER_BYTES] = NULL;
    real *z = NULL;
    *walk = (elbow_walk){0};
    ELBOW_TRY(elbow_arena_take(maker->arena, rows, sizeof *lengths, &lengths));
    for (size_t r = 0; r < rows; r++) {
        variable v = find(vae, first + r);
        count += lengths[r] = values_of(&v, range);
    }
    ELBOW_TRY(elbow_arena_reals(maker->arena, count * width, &z));
    ELBOW_TRY(make_notes(maker, &walk->notes, names, 2, count, &cells, &texts));
    for (size_t r = 0; r < rows; r++) {
        variable v = find(vae, first + r);
        for (size_t i = 0; i < lengths[r]; i++, row++) {
            memcpy(z + row * width, from->z, width * sizeof *z);
            set_value(z + row * width, &v, range, i, texts[2 * row + 1]);
            snprintf(texts[2 * row], ELBOW_NUMBER_BYTES, "%zu", first + r);
        }
    }
    ELBOW_TRY(decode(maker, z, from, count, &walk->examples));
    return walk->examples.field->kind == ELBOW_IMAGE ? pad_rows(maker, walk, lengths, rows) : ELBOW_OK;
}

/* ------------------------------------------------------------------------------ from one to another */

/* z at `share` of the way: discrete variables that differ change over one after the other. */
static void set_between(real *z, const elbow_vae *vae, const real *a, const real *b, double share) {
    size_t differ = 0, seen = 0, variables = elbow_walk_variables(vae);
    for (size_t i = 0; i < variables; i++) {
        variable v = find(vae, i);
        differ += v.values > 0 && memcmp(a + v.column, b + v.column, v.width * sizeof *a) != 0;
    }
    size_t changed = (size_t)lround(share * (double)differ);
    for (size_t i = 0; i < variables; i++) {
        variable v = find(vae, i);
        if (v.values == 0) {
            z[v.column] = (real)((1 - share) * (double)a[v.column] + share * (double)b[v.column]);
            continue;
        }
        bool differs = memcmp(a + v.column, b + v.column, v.width * sizeof *a) != 0;
        memcpy(z + v.column, differs && seen < changed ? b + v.column : a + v.column, v.width * sizeof *z);
        seen += differs;
    }
}

/* Example 0 of `from` as example i of `to`, whose D may be larger. */
static void copy_example(elbow_examples *to, size_t i, const elbow_examples *from, size_t which) {
    size_t D = from->field->dimensions;
    if (from->field->kind != ELBOW_SEQUENCE) {
        memcpy(to->reals + i * D, from->reals + which * D, D * sizeof *to->reals);
        return;
    }
    to->length[i] = from->length[which];
    memcpy(to->tokens + i * to->field->dimensions, from->tokens + which * D,
           from->length[which] * sizeof *to->tokens);
}

elbow_status elbow_walk_between(const elbow_maker *maker, const elbow_encoded *from, const elbow_encoded *to,
                                size_t steps, elbow_walk *walk) {
    static const char *const names[] = {"at"};
    size_t width = elbow_vae_z_width(maker->vae);
    elbow_examples made;
    const char **cells = NULL;
    char(*texts)[ELBOW_NUMBER_BYTES] = NULL;
    real *z = NULL;
    *walk = (elbow_walk){.columns = steps + 2};
    ELBOW_TRY(elbow_arena_reals(maker->arena, steps * width, &z));
    ELBOW_TRY(make_notes(maker, &walk->notes, names, 1, steps + 2, &cells, &texts));
    ELBOW_TRY(elbow_examples_reserve(&walk->examples, elbow_vae_field(maker->vae), steps + 2, maker->arena));
    cells[0] = "from";
    cells[steps + 1] = "to";
    for (size_t i = 0; i < steps; i++) {
        double share = (double)i / (double)(steps - 1);
        set_between(z + i * width, maker->vae, from->z, to->z, share);
        elbow_number_rounded_text(texts[i + 1], share, DIGITS);
    }
    ELBOW_TRY(decode(maker, z, from, steps, &made));
    copy_example(&walk->examples, 0, &from->originals, 0);
    for (size_t i = 0; i < steps; i++) copy_example(&walk->examples, i + 1, &made, i);
    copy_example(&walk->examples, steps + 1, &to->originals, 0);
    return ELBOW_OK;
}
