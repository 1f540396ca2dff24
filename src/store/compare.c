#include "elbow/store/compare.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elbow/base/options.h"

enum { FIRST_ROOM = 8 };

/* ------------------------------------------------------------------------------------------- findings */

static elbow_status grow(void **list, size_t *room, size_t count, size_t bytes) {
    if (count < *room) return ELBOW_OK;
    size_t more = *room > 0 ? 2 * *room : FIRST_ROOM;
    void *grown = realloc(*list, more * bytes);
    ELBOW_CHECK(grown != NULL, ELBOW_MEMORY, "no memory for a list of %zu differences", more);
    *list = grown;
    *room = more;
    return ELBOW_OK;
}

static elbow_status add_item(elbow_comparison *c, bool counts, const char *name, const char *a,
                             const char *b) {
    void *list = c->items;
    elbow_status status = grow(&list, &c->item_room, c->item_count, sizeof *c->items);
    c->items = list;
    ELBOW_TRY(status);
    elbow_compared_item *item = &c->items[c->item_count++];
    snprintf(item->name, sizeof item->name, "%s", name);
    snprintf(item->a, sizeof item->a, "%s", a);
    snprintf(item->b, sizeof item->b, "%s", b);
    item->counts = counts;
    if (counts) c->same = false;
    return ELBOW_OK;
}

static elbow_status add_values(elbow_comparison *c, const elbow_compared_values *values) {
    void *list = c->values;
    elbow_status status = grow(&list, &c->value_room, c->value_count, sizeof *c->values);
    c->values = list;
    ELBOW_TRY(status);
    c->values[c->value_count++] = *values;
    c->same = false;
    return ELBOW_OK;
}

static elbow_status compare_texts(elbow_comparison *c, bool counts, const char *name, const char *a,
                                  const char *b) {
    return strcmp(a, b) == 0 ? ELBOW_OK : add_item(c, counts, name, a, b);
}

static elbow_status compare_integers(elbow_comparison *c, bool counts, const char *name, int64_t a,
                                     int64_t b) {
    char text_a[32], text_b[32];
    if (a == b) return ELBOW_OK;
    snprintf(text_a, sizeof text_a, "%" PRId64, a);
    snprintf(text_b, sizeof text_b, "%" PRId64, b);
    return add_item(c, counts, name, text_a, text_b);
}

static uint64_t bits_of(const void *value, size_t bytes) {
    uint32_t narrow;
    uint64_t wide;
    if (bytes == sizeof wide) {
        memcpy(&wide, value, sizeof wide);
        return wide;
    }
    memcpy(&narrow, value, sizeof narrow);
    return narrow;
}

static elbow_status compare_numbers(elbow_comparison *c, const char *name, double a, double b) {
    char text_a[32], text_b[32];
    if (bits_of(&a, sizeof a) == bits_of(&b, sizeof b)) return ELBOW_OK;
    snprintf(text_a, sizeof text_a, "%.17g", a);
    snprintf(text_b, sizeof text_b, "%.17g", b);
    return add_item(c, true, name, text_a, text_b);
}

/* --------------------------------------------------------------------------------------------- values */

static double value_of(const void *value, size_t bytes) {
    float narrow;
    double wide;
    if (bytes == sizeof wide) {
        memcpy(&wide, value, sizeof wide);
        return wide;
    }
    memcpy(&narrow, value, sizeof narrow);
    return (double)narrow;
}

/* Numbers of one sign are in the order of their bits; both zeros are one place. */
static int64_t place_of(uint64_t bits, size_t bytes) {
    uint64_t sign = UINT64_C(1) << (8 * bytes - 1);
    return bits & sign ? -(int64_t)(bits ^ sign) : (int64_t)bits;
}

static uint64_t ulps_between(uint64_t a, uint64_t b, size_t bytes) {
    int64_t x = place_of(a, bytes), y = place_of(b, bytes);
    return x > y ? (uint64_t)x - (uint64_t)y : (uint64_t)y - (uint64_t)x;
}

static void measure(elbow_compared_values *found, const char *a, const char *b) {
    double x = value_of(a, found->bytes), y = value_of(b, found->bytes);
    bool both = isfinite(x) && isfinite(y);
    double absolute = both ? fabs(x - y) : INFINITY, most = fmax(fabs(x), fabs(y));
    bool alike = both && most > 0 && !signbit(x) == !signbit(y);
    uint64_t ulps = isnan(x) || isnan(y)
                        ? UINT64_MAX
                        : ulps_between(bits_of(a, found->bytes), bits_of(b, found->bytes), found->bytes);
    if (absolute > found->absolute) found->absolute = absolute;
    if (alike) found->relative = fmax(found->relative, absolute / most); /* the number, of one and nan */
    if (ulps > found->ulps) found->ulps = ulps;
}

static void say_where(elbow_compared_values *found, size_t index) {
    for (size_t d = found->dims; d-- > 0;) {
        found->first[d] = index % found->shape[d];
        index /= found->shape[d];
    }
}

/* Whether anything differs; name, shape, count and bytes are set. */
static bool compare_blocks(elbow_compared_values *found, const void *a, const void *b) {
    const char *x = a, *y = b;
    size_t bytes = found->bytes;
    if (found->count == 0 || memcmp(x, y, found->count * bytes) == 0) return false;
    for (size_t i = 0; i < found->count; i++, x += bytes, y += bytes) {
        if (memcmp(x, y, bytes) == 0) continue;
        if (found->different++ == 0) {
            say_where(found, i);
            found->a = value_of(x, bytes);
            found->b = value_of(y, bytes);
            found->bits_a = bits_of(x, bytes);
            found->bits_b = bits_of(y, bytes);
        }
        measure(found, x, y);
    }
    return true;
}

void elbow_compared_text(const elbow_compared_values *v, char *text, size_t room) {
    char where[ELBOW_TENSOR_DIMS * 24] = "";
    size_t at = 0;
    for (size_t d = 0; d < v->dims; d++)
        at += (size_t)snprintf(where + at, sizeof where - at, "%s%zu", d ? ", " : "", v->first[d]);
    int digits = 2 * (int)v->bytes, significant = v->bytes == sizeof(double) ? 17 : 9;
    if (v->row_step >= 0) snprintf(where + at, sizeof where - at, ", step %.0f", v->row_step);
    snprintf(text, room, "%s[%s] is %.*g (%0*" PRIx64 ") and %.*g (%0*" PRIx64 ")", v->name, where,
             significant, v->a, digits, v->bits_a, significant, v->b, digits, v->bits_b);
}

/* -------------------------------------------------------------------------------------------- tensors */

static void shape_text(char text[ELBOW_COMPARED_VALUE], const elbow_tensor *t) {
    size_t at = 0;
    text[0] = '\0';
    for (size_t d = 0; d < t->dims; d++)
        at += (size_t)snprintf(text + at, ELBOW_COMPARED_VALUE - at, "%s%zu", d ? " x " : "", t->shape[d]);
}

static bool same_shape(const elbow_tensor *a, const elbow_tensor *b) {
    return a->dims == b->dims && memcmp(a->shape, b->shape, a->dims * sizeof *a->shape) == 0;
}

static elbow_status compare_layouts(elbow_comparison *c, const elbow_params *a, const elbow_params *b) {
    char name[ELBOW_COMPARED_NAME], shape_a[ELBOW_COMPARED_VALUE], shape_b[ELBOW_COMPARED_VALUE];
    for (size_t i = 0; i < a->tensor_count; i++) {
        const elbow_tensor *t = &a->tensors[i], *other = elbow_params_find(b, t->name);
        if (other && same_shape(t, other)) continue;
        shape_text(shape_a, t);
        snprintf(shape_b, sizeof shape_b, "not there");
        if (other) shape_text(shape_b, other);
        snprintf(name, sizeof name, "tensor %s", t->name);
        ELBOW_TRY(add_item(c, true, name, shape_a, shape_b));
    }
    for (size_t i = 0; i < b->tensor_count; i++) {
        if (elbow_params_find(a, b->tensors[i].name)) continue;
        shape_text(shape_b, &b->tensors[i]);
        snprintf(name, sizeof name, "tensor %s", b->tensors[i].name);
        ELBOW_TRY(add_item(c, true, name, "not there", shape_b));
    }
    return ELBOW_OK;
}

/* Every tensor that both have, in one shape. */
static elbow_status compare_tensors(elbow_comparison *c, const char *prefix, const elbow_params *layout_a,
                                    const real *a, const elbow_params *layout_b, const real *b,
                                    size_t *compared) {
    for (size_t i = 0; i < layout_a->tensor_count; i++) {
        const elbow_tensor *t = &layout_a->tensors[i], *other = elbow_params_find(layout_b, t->name);
        if (!other || !same_shape(t, other)) continue;
        elbow_compared_values found = {
            .dims = t->dims, .count = t->count, .bytes = sizeof *a, .relative = NAN, .row_step = -1};
        memcpy(found.shape, t->shape, sizeof found.shape);
        snprintf(found.name, sizeof found.name, "%s%s", prefix, t->name);
        if (compare_blocks(&found, a + t->offset, b + other->offset)) ELBOW_TRY(add_values(c, &found));
        ++*compared;
    }
    return ELBOW_OK;
}

static const real *find_slot(const elbow_checkpoint *c, const char *name) {
    for (size_t s = 0; s < c->slots; s++)
        if (strcmp(c->slot_names[s], name) == 0) return c->slot_values[s];
    return NULL;
}

static elbow_status compare_optimizers(elbow_comparison *c, const elbow_checkpoint *a,
                                       const elbow_checkpoint *b) {
    char name[ELBOW_COMPARED_NAME];
    ELBOW_TRY(compare_texts(c, true, "optimizer", a->optimizer, b->optimizer));
    for (size_t s = 0; s < a->slots; s++) {
        const real *other = find_slot(b, a->slot_names[s]);
        snprintf(name, sizeof name, "%s/%s/", a->optimizer, a->slot_names[s]);
        if (other)
            ELBOW_TRY(compare_tensors(c, name, a->layout, a->slot_values[s], b->layout, other,
                                      &c->optimizer_tensors));
        else
            ELBOW_TRY(add_item(c, true, a->slot_names[s], "there", "not there"));
    }
    for (size_t s = 0; s < b->slots; s++)
        if (!find_slot(a, b->slot_names[s]))
            ELBOW_TRY(add_item(c, true, b->slot_names[s], "not there", "there"));
    return ELBOW_OK;
}

/* -------------------------------------------------------------------------------------------- metrics */

bool elbow_column_measures_time(const char *name) {
    return strncmp(name, "seconds", 7) == 0 || strcmp(name, "examples_per_second") == 0 ||
           strcmp(name, "straggler") == 0;
}

static elbow_status compare_tables(elbow_comparison *c, const char *title, const elbow_table *a,
                                   const elbow_table *b) {
    char name[ELBOW_COMPARED_NAME];
    size_t rows = a->rows < b->rows ? a->rows : b->rows;
    snprintf(name, sizeof name, "rows of metrics/%s", title);
    ELBOW_TRY(compare_integers(c, true, name, (int64_t)a->rows, (int64_t)b->rows));
    c->metrics_rows += rows;
    for (size_t i = 0; i < a->columns && rows > 0; i++) {
        const double *other = elbow_table_column(b, a->names[i]), *steps = elbow_table_column(a, "step");
        if (elbow_column_measures_time(a->names[i]) || !other) continue;
        elbow_compared_values found = {
            .dims = 1, .shape = {rows}, .count = rows, .bytes = sizeof *other, .relative = NAN};
        snprintf(found.name, sizeof found.name, "metrics/%s/%s", title, a->names[i]);
        if (!compare_blocks(&found, a->values[i], other)) continue;
        found.row_step = steps ? steps[found.first[0]] : -1;
        ELBOW_TRY(add_values(c, &found));
    }
    return ELBOW_OK;
}

static elbow_status compare_metrics(elbow_comparison *c, const elbow_metrics *a, const elbow_metrics *b) {
    ELBOW_TRY(compare_tables(c, "train", &a->train, &b->train));
    ELBOW_TRY(compare_tables(c, "evaluation", &a->evaluation, &b->evaluation));
    ELBOW_TRY(compare_tables(c, "events", &a->events, &b->events));
    return compare_tables(c, "test", &a->test, &b->test);
}

/* The row that is being filled. */
static elbow_status compare_partial(elbow_comparison *c, const elbow_metrics *a, const elbow_metrics *b) {
    char name[ELBOW_COMPARED_NAME];
    for (size_t i = 0; i < a->train.columns; i++) {
        if (elbow_column_measures_time(a->train.names[i])) continue;
        snprintf(name, sizeof name, "metrics/partial %s", a->train.names[i]);
        ELBOW_TRY(compare_numbers(c, name, a->partial[i], b->partial[i]));
    }
    ELBOW_TRY(compare_numbers(c, "metrics/partial steps", a->partial_steps, b->partial_steps));
    ELBOW_TRY(compare_numbers(c, "metrics/partial elbo since evaluation", a->since_elbo, b->since_elbo));
    return compare_numbers(c, "metrics/partial examples since evaluation", a->since_examples,
                           b->since_examples);
}

elbow_status elbow_metrics_compare(elbow_comparison **out, const elbow_metrics *a, const elbow_metrics *b) {
    elbow_comparison *c = calloc(1, sizeof *c);
    *out = NULL;
    ELBOW_CHECK(c != NULL, ELBOW_MEMORY, "no memory for a comparison");
    c->same = true;
    elbow_status status = compare_metrics(c, a, b);
    if (status != ELBOW_OK) elbow_comparison_destroy(&c);
    *out = c;
    return status;
}

/* ---------------------------------------------------------------------------------------- checkpoints */

typedef struct visiting {
    elbow_comparison *comparison;
    elbow_status status;
} visiting;

static void visit(void *context, const char *key, elbow_option_role role, const char *a, const char *b) {
    visiting *v = context;
    if (v->status == ELBOW_OK) v->status = add_item(v->comparison, role == ELBOW_OPTION_DEFINES, key, a, b);
}

static elbow_status compare_configs(elbow_comparison *c, const char *a, const char *b) {
    elbow_options *options_a = NULL, *options_b = NULL;
    visiting v = {.comparison = c};
    if (strcmp(a, b) == 0) return ELBOW_OK;
    elbow_status status = elbow_options_create(&options_a);
    if (status == ELBOW_OK) status = elbow_options_create(&options_b);
    if (status == ELBOW_OK) status = elbow_options_parse(options_a, a, "A");
    if (status == ELBOW_OK) status = elbow_options_parse(options_b, b, "B");
    if (status == ELBOW_OK)
        elbow_options_compare(options_a, options_b, visit, &v);
    else if (status != ELBOW_MEMORY)
        v.status = add_item(c, true, "config", "one text", "another, not readable by this elbow");
    elbow_options_destroy(&options_a);
    elbow_options_destroy(&options_b);
    return status == ELBOW_MEMORY ? status : v.status;
}

static const char *text_or_nothing(const char *text) { return text ? text : ""; }

/* What is no tensor and no metrics. */
static elbow_status compare_run(elbow_comparison *c, const elbow_checkpoint *a, const elbow_checkpoint *b) {
    const elbow_facts *x = &a->facts, *y = &b->facts;
    ELBOW_TRY(compare_integers(c, true, "step", a->step, b->step));
    ELBOW_TRY(compare_integers(c, true, "epoch", a->epoch, b->epoch));
    ELBOW_TRY(compare_integers(c, true, "seed", a->seed, b->seed));
    ELBOW_TRY(compare_integers(c, true, "shards", a->shards, b->shards));
    ELBOW_TRY(compare_numbers(c, "best", a->best, b->best));
    ELBOW_TRY(compare_integers(c, true, "best step", a->best_step, b->best_step));
    ELBOW_TRY(compare_texts(c, true, "data checksum", a->data_checksum, b->data_checksum));
    ELBOW_TRY(compare_texts(c, true, "field x", text_or_nothing(a->field), text_or_nothing(b->field)));
    ELBOW_TRY(
        compare_texts(c, true, "field given", text_or_nothing(a->context), text_or_nothing(b->context)));
    ELBOW_TRY(compare_integers(c, false, "length of the run", a->run_steps, b->run_steps));
    ELBOW_TRY(compare_texts(c, false, "build", x->build, y->build));
    ELBOW_TRY(compare_texts(c, false, "instruction set", x->instruction_set, y->instruction_set));
    ELBOW_TRY(compare_texts(c, false, "BLAS", x->blas, y->blas));
    ELBOW_TRY(compare_integers(c, false, "ranks", x->ranks, y->ranks));
    ELBOW_TRY(compare_integers(c, false, "nodes", x->nodes, y->nodes));
    return compare_configs(c, text_or_nothing(a->config), text_or_nothing(b->config));
}

static elbow_status compare_all(elbow_comparison *c, const elbow_checkpoint *a, const elbow_checkpoint *b) {
    ELBOW_TRY(compare_run(c, a, b));
    ELBOW_TRY(compare_layouts(c, a->layout, b->layout));
    ELBOW_TRY(compare_tensors(c, "", a->layout, a->parameters, b->layout, b->parameters, &c->tensors));
    c->model_values = c->value_count;
    ELBOW_TRY(compare_optimizers(c, a, b));
    c->optimizer_values = c->value_count - c->model_values;
    if (!a->metrics != !b->metrics)
        return add_item(c, true, "metrics", a->metrics ? "there" : "not there",
                        b->metrics ? "there" : "not there");
    if (!a->metrics) return ELBOW_OK;
    ELBOW_TRY(compare_metrics(c, a->metrics, b->metrics));
    return compare_partial(c, a->metrics, b->metrics);
}

elbow_status elbow_checkpoint_compare(elbow_comparison **out, const elbow_checkpoint *a,
                                      const elbow_checkpoint *b) {
    elbow_comparison *c = calloc(1, sizeof *c);
    *out = NULL;
    ELBOW_CHECK(c != NULL, ELBOW_MEMORY, "no memory for a comparison");
    c->same = true;
    elbow_status status = compare_all(c, a, b);
    if (status != ELBOW_OK) elbow_comparison_destroy(&c);
    *out = c;
    return status;
}

void elbow_comparison_destroy(elbow_comparison **comparison) {
    if (*comparison == NULL) return;
    free((*comparison)->items);
    free((*comparison)->values);
    free(*comparison);
    *comparison = NULL;
}
