/* Convolutions of images whose channels come last, as products.
 *
 * Two images belong to a convolution: a large one (height, across, channels) and a small one (rows, columns, features),
 * where a position (i, j) of the small one sees the window of the large one that begins at
 * (i · stride − top, j · stride − left); outside of the large image there are zeros.
 *
 *     small = W ⋆ large    small[i, j, f] = Σ_{u, v, c} W[f, u, v, c] · large[i·stride − top + u, j·stride − left + v, c]
 *     large = Wᵀ ⋆ small   the adjoint: ⟨small, W ⋆ large⟩ = ⟨Wᵀ ⋆ small, large⟩
 *
 * W is (features, kernel_height, kernel_across, channels): a row of W is a window in the order of the image, so that
 * windows laid out as rows make either a product of matrices. That is done for a block of examples at a time, whose
 * number depends on the geometry alone: the bits are those of the same products in any memory. Local; cannot fail. */
#ifndef ELBOW_SRC_MATH_CONVOLUTION_H
#define ELBOW_SRC_MATH_CONVOLUTION_H

#include <stddef.h>

#include "elbow/base/real.h"

typedef struct elbow_convolution {
    size_t height, across, channels; /* of the large image */
    size_t rows, columns, features;  /* of the small one */
    size_t kernel_height, kernel_across, stride;
    size_t top, left; /* zeros before the first row, and before the first column */
    real *windows; /* elbow_convolution_scratch reals that the caller reserves; overwritten by every call */
} elbow_convolution;

/* "Same" padding. Along each side: outputs = ⌈side / stride⌉; total zeros = max((outputs − 1) · stride + kernel − side, 0), of
 * which ⌊total / 2⌋ before and the rest after. For even totals that is PyTorch's padding = total / 2; an odd one has its
 * extra zero after, as TensorFlow's SAME has it. Along a side of 1 the kernel is 1. */
elbow_convolution elbow_convolution_same(size_t height, size_t across, size_t channels, size_t features,
                                         size_t kernel, size_t stride);

/* Reals of a window (a row of W), of a small and of a large image. */
static inline size_t elbow_convolution_window(const elbow_convolution *c) {
    return c->kernel_height * c->kernel_across * c->channels;
}
static inline size_t elbow_convolution_small(const elbow_convolution *c) {
    return c->rows * c->columns * c->features;
}
static inline size_t elbow_convolution_large(const elbow_convolution *c) {
    return c->height * c->across * c->channels;
}

/* Examples in a block, and the reals that `windows` needs for up to `examples` examples. */
size_t elbow_convolution_block(const elbow_convolution *c);
size_t elbow_convolution_scratch(const elbow_convolution *c, size_t examples);

/* small (examples, rows, columns, features) = W ⋆ large (examples, height, across, channels). */
void elbow_convolve(const elbow_convolution *c, real *small, const real *large, const real *weights,
                    size_t examples);

/* large = Wᵀ ⋆ small. */
void elbow_convolve_adjoint(const elbow_convolution *c, real *large, const real *small, const real *weights,
                            size_t examples);

/* dweights += ∂⟨small, W ⋆ large⟩/∂W. In the same sweep over windows, unless `convolved` is NULL,
 * convolved = W ⋆ large. */
void elbow_convolve_weights(const elbow_convolution *c, real *dweights, const real *small, const real *large,
                            real *convolved, const real *weights, size_t examples);

#endif
