/* Kernels of embeddings: rows of a table by index. */
#ifndef ELBOW_SRC_MATH_EMBEDDING_H
#define ELBOW_SRC_MATH_EMBEDDING_H

#include <stddef.h>
#include <stdint.h>

#include "elbow/base/real.h"

/* y[i] = table[index[i]]: y (rows, n), table (more rows than any index, n). */
void elbow_embed(real *y, const real *table, const uint32_t *index, size_t rows, size_t n);

/* dtable[index[i]] += dy[i], in the order of i, whatever repeats. */
void elbow_embed_backward(real *dtable, const real *dy, const uint32_t *index, size_t rows, size_t n);

#endif
