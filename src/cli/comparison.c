#include "comparison.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LINES = 12, LINE = 512 };

static const elbow_compared_item *first_counting(const elbow_comparison *c) {
    for (size_t i = 0; i < c->item_count; i++)
        if (c->items[i].counts) return &c->items[i];
    return NULL;
}

/* Two moments of training: then all the rest differs, as it should. NULL where it is the same step. */
static const elbow_compared_item *other_step(const elbow_comparison *c) {
    for (size_t i = 0; i < c->item_count; i++)
        if (strcmp(c->items[i].name, "step") == 0) return &c->items[i];
    return NULL;
}

void elbow_cli_print_verdict(const elbow_comparison *c, const char *name, const char *digest) {
    char text[LINE];
    if (c->same) {
        printf("same: %s: ", name);
        if (c->tensors > 0)
            printf("%zu tensors of parameters, %zu of the optimizer, ", c->tensors, c->optimizer_tensors);
        printf("%zu rows of metrics", c->metrics_rows);
        printf(digest[0] ? ", digest %s\n" : "%s\n", digest);
        return;
    }
    printf("differ: %s: ", name);
    const elbow_compared_item *item = first_counting(c), *step = other_step(c);
    if (step) {
        printf("of step %s and of step %s", step->a, step->b);
    } else if (c->value_count > 0) {
        elbow_compared_text(&c->values[0], text, sizeof text);
        printf("first %s", text);
    } else if (item) {
        printf("%s is %s and %s", item->name, item->a, item->b);
    }
    printf("\n");
}

/* A value of any length is cut to its first line. */
static void print_items(const elbow_comparison *c, bool counting) {
    for (size_t i = 0; i < c->item_count; i++) {
        const elbow_compared_item *item = &c->items[i];
        if (item->counts != counting) continue;
        printf("  %-26s %.*s / %.*s\n", item->name, (int)strcspn(item->a, "\n"), item->a,
               (int)strcspn(item->b, "\n"), item->b);
    }
}

/* Those that are farthest apart first. */
static int compare_worse(const void *a, const void *b) {
    const elbow_compared_values *x = *(const elbow_compared_values *const *)a,
                                *y = *(const elbow_compared_values *const *)b;
    if (x->absolute != y->absolute) return x->absolute < y->absolute ? 1 : -1;
    return (x->different < y->different) - (x->different > y->different);
}

static void print_row(const elbow_compared_values *v) {
    /* Through zero there are billions of floats, and over a factor of two millions: that says no more than `relative`. */
    const uint64_t telling = UINT64_C(1) << 23;
    char where[96] = "", many[64], ulps[32] = "-", relative[32] = "-";
    size_t at = 0;
    for (size_t d = 0; d < v->dims; d++)
        at += (size_t)snprintf(where + at, sizeof where - at, "%s%zu", d ? ", " : "", v->first[d]);
    snprintf(many, sizeof many, "%zu of %zu", v->different, v->count);
    if (v->ulps < telling) snprintf(ulps, sizeof ulps, "%.0f", (double)v->ulps);
    if (!isnan(v->relative)) snprintf(relative, sizeof relative, "%.3g", v->relative);
    printf("  %-44s %19s  %-14s %10.3g %10s %10s\n", v->name, many, where, v->absolute, relative, ulps);
}

/* The worst of values [first, first + count). */
static void print_values(const elbow_comparison *c, const char *what, size_t first, size_t count) {
    const elbow_compared_values **order = count > 0 ? malloc(count * sizeof *order) : NULL;
    if (order == NULL) return;
    for (size_t i = 0; i < count; i++) order[i] = &c->values[first + i];
    qsort(order, count, sizeof *order, compare_worse);
    size_t most = count < MOST_LINES ? count : MOST_LINES;
    printf("  %-44s %19s  %-14s %10s %10s %10s\n", what, "values that differ", "the first at", "at most by",
           "relative", "ulps");
    for (size_t i = 0; i < most; i++) print_row(order[i]);
    if (most < count) printf("  and %zu more, which differ less\n", count - most);
    free(order);
}

void elbow_cli_print_comparison(const elbow_comparison *c) {
    size_t model = c->model_values, optimizer = c->optimizer_values, notes = 0;
    if (other_step(c)) {
        printf("  of other steps, tensors and metrics differ by training: compare checkpoints of one step "
               "(RUN/checkpoints/step-*.h5)\n");
    }
    print_items(c, true);
    if (!other_step(c)) {
        print_values(c, "parameters", 0, model);
        print_values(c, "optimizer", model, optimizer);
        print_values(c, "metrics", model + optimizer, c->value_count - model - optimizer);
    }
    for (size_t i = 0; i < c->item_count; i++) notes += !c->items[i].counts;
    if (notes > 0) printf("what does not count differs too:\n");
    print_items(c, false);
}
