/* Who multiplies what: while someone watches, every matrix product (gemm.h) is told as it begins and as it ends. What a
 * step's floor is made from, so that no copy of a model's shape is needed. Off, it costs a product one branch. */
#ifndef ELBOW_SRC_MATH_PRODUCTS_H
#define ELBOW_SRC_MATH_PRODUCTS_H

#include <stdbool.h>
#include <stddef.h>

#include "elbow/base/real.h"

/* c (m, n) = op(a) (m, k) · op(b) (k, n). */
typedef struct elbow_product {
    bool transpose_a, transpose_b;
    size_t m, n, k;
    const real *a, *b, *c; /* where they were: which products share an operand */
} elbow_product;

typedef void elbow_products_note(void *context, const elbow_product *product, bool done);

/* One watcher at a time, of the thread that multiplies; NULL ends it. Local. */
void elbow_products_watch(elbow_products_note *note, void *context);

/* For whoever computes products. */
extern elbow_products_note *elbow_products_watcher;
void elbow_products_tell(const elbow_product *product, bool done);

#endif
