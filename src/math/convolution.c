#include "math/convolution.h"

#include <string.h>

#include "math/gemm.h"
#include "math/kernel.h"

/* Reals of windows in a block: half a megabyte of floats, which a core's second cache holds next to the weights. */
enum { BLOCK = 1 << 17 };

/* Zeros before, for one side. The window over a side of 1 is that one place. */
static size_t shape_side(size_t side, size_t stride, size_t *kernel, size_t *outputs) {
    if (side == 1) *kernel = 1;
    *outputs = (side + stride - 1) / stride;
    size_t reach = (*outputs - 1) * stride + *kernel;
    return reach > side ? (reach - side) / 2 : 0;
}

elbow_convolution elbow_convolution_same(size_t height, size_t across, size_t channels, size_t features,
                                         size_t kernel, size_t stride) {
    elbow_convolution c = {.height = height,
                           .across = across,
                           .channels = channels,
                           .features = features,
                           .kernel_height = kernel,
                           .kernel_across = kernel,
                           .stride = stride};
    c.top = shape_side(height, stride, &c.kernel_height, &c.rows);
    c.left = shape_side(across, stride, &c.kernel_across, &c.columns);
    return c;
}

/* The large image with its zeros around it, so that every window lies within and none needs a test:
 *
 *         left   across
 *        ┌───────────────────┐
 *    top │ 0   0   0   0   0 │      height: as far as the image, or the last window, reaches
 *        │ 0  ┌─────────┐  0 │
 *        │ 0  │  image  │  0 │
 *        └────┴─────────┴────┘                                                                      */
static size_t most(size_t a, size_t b) { return a > b ? a : b; }
static size_t least(size_t a, size_t b) { return a < b ? a : b; }

static size_t padded_height(const elbow_convolution *c) {
    return most(c->top + c->height, (c->rows - 1) * c->stride + c->kernel_height);
}
static size_t padded_across(const elbow_convolution *c) {
    return most(c->left + c->across, (c->columns - 1) * c->stride + c->kernel_across);
}

size_t elbow_convolution_block(const elbow_convolution *c) {
    size_t example = c->rows * c->columns * elbow_convolution_window(c);
    return example < BLOCK ? BLOCK / example : 1;
}

/* The windows of a block, then one padded image. */
static size_t windows_room(const elbow_convolution *c, size_t examples) {
    return least(examples, elbow_convolution_block(c)) * c->rows * c->columns * elbow_convolution_window(c);
}

size_t elbow_convolution_scratch(const elbow_convolution *c, size_t examples) {
    return windows_room(c, examples) + padded_height(c) * padded_across(c) * c->channels;
}

static void copy_rows(real *to, size_t to_pitch, const real *from, size_t from_pitch, size_t run,
                      size_t rows) {
    for (size_t i = 0; i < rows; ++i) memcpy(to + i * to_pitch, from + i * from_pitch, run * sizeof *to);
}

/* What is done with each window: a kernel row of it is a run of reals in the padded image. A run is gone through in
 * steps whose length is a constant where these are inlined: a few moves, and no call of memcpy. */
typedef void on_run(real *window, real *image, size_t run, size_t step);

ELBOW_INLINE void take_run(real *restrict window, real *restrict image, size_t run, size_t step) {
    for (size_t i = 0; i < run; i += step)
        for (size_t j = 0; j < step; ++j) window[i + j] = image[i + j];
}

ELBOW_INLINE void add_run(real *restrict window, real *restrict image, size_t run, size_t step) {
    for (size_t i = 0; i < run; i += step)
        for (size_t j = 0; j < step; ++j) image[i + j] += window[i + j];
}

/* Over all windows of an image, in order. A window's rows come before the next window: what neighbours share is then
 * added to in turns that do not wait for each other. */
ELBOW_INLINE void each_window(const elbow_convolution *c, on_run *visit, real *windows, real *image,
                              size_t run, size_t step) {
    size_t pitch = padded_across(c) * c->channels, next = c->stride * c->channels;
    for (size_t i = 0; i < c->rows; ++i)
        for (size_t j = 0; j < c->columns; ++j) {
            real *at = image + i * c->stride * pitch + j * next;
            for (size_t u = 0; u < c->kernel_height; ++u, windows += run, at += pitch)
                visit(windows, at, run, step);
        }
}

/* Short runs are what first and last layers have, of one channel or three; many channels come in sixteens. */
ELBOW_INLINE void each_window_by_run(const elbow_convolution *c, on_run *visit, real *windows, real *image) {
    size_t run = c->kernel_across * c->channels;
    switch (run) {
    case 2:
        each_window(c, visit, windows, image, 2, 2);
        return;
    case 3:
        each_window(c, visit, windows, image, 3, 3);
        return;
    case 4:
        each_window(c, visit, windows, image, 4, 4);
        return;
    case 5:
        each_window(c, visit, windows, image, 5, 5);
        return;
    case 7:
        each_window(c, visit, windows, image, 7, 7);
        return;
    case 9:
        each_window(c, visit, windows, image, 9, 9);
        return;
    case 15:
        each_window(c, visit, windows, image, 15, 15);
        return;
    default:
        break;
    }
    if (run % 16 == 0)
        each_window(c, visit, windows, image, run, 16);
    else if (run % 4 == 0)
        each_window(c, visit, windows, image, run, 4);
    else
        each_window(c, visit, windows, image, run, 1);
}

ELBOW_KERNEL static void take_windows(const elbow_convolution *c, real *windows, real *image) {
    each_window_by_run(c, take_run, windows, image);
}

ELBOW_KERNEL static void add_windows(const elbow_convolution *c, real *windows, real *image) {
    each_window_by_run(c, add_run, windows, image);
}

/* Windows of `examples` large images as rows: (examples, rows, columns, window). */
static void gather(const elbow_convolution *c, real *windows, real *padded, const real *large,
                   size_t examples) {
    size_t run = c->across * c->channels, pitch = padded_across(c) * c->channels;
    size_t example = c->rows * c->columns * elbow_convolution_window(c);
    memset(padded, 0, padded_height(c) * pitch * sizeof *padded);
    for (size_t e = 0; e < examples; ++e, windows += example, large += c->height * run) {
        copy_rows(padded + c->top * pitch + c->left * c->channels, pitch, large, run, run, c->height);
        take_windows(c, windows, padded);
    }
}

/* The way back: what windows say of the same place is added, window after window. */
static void scatter(const elbow_convolution *c, real *large, real *padded, real *windows, size_t examples) {
    size_t run = c->across * c->channels, pitch = padded_across(c) * c->channels;
    size_t example = c->rows * c->columns * elbow_convolution_window(c);
    for (size_t e = 0; e < examples; ++e, windows += example, large += c->height * run) {
        memset(padded, 0, padded_height(c) * pitch * sizeof *padded);
        add_windows(c, windows, padded);
        copy_rows(large, run, padded + c->top * pitch + c->left * c->channels, pitch, run, c->height);
    }
}

/* A block of examples: where its images, windows and products are. */
typedef struct block {
    size_t examples, positions, small, large;
} block;

static block block_at(const elbow_convolution *c, size_t first, size_t examples) {
    size_t count = least(elbow_convolution_block(c), examples - first);
    return (block){.examples = count,
                   .positions = count * c->rows * c->columns,
                   .small = first * elbow_convolution_small(c),
                   .large = first * elbow_convolution_large(c)};
}

void elbow_convolve(const elbow_convolution *c, real *small, const real *large, const real *weights,
                    size_t examples) {
    size_t F = c->features, K = elbow_convolution_window(c);
    real *padded = c->windows + windows_room(c, examples);
    for (size_t first = 0; first < examples; first += elbow_convolution_block(c)) {
        block b = block_at(c, first, examples);
        gather(c, c->windows, padded, large + b.large, b.examples);
        elbow_gemm(false, true, b.positions, F, K, 1, c->windows, K, weights, K, 0, small + b.small, F);
    }
}

void elbow_convolve_adjoint(const elbow_convolution *c, real *large, const real *small, const real *weights,
                            size_t examples) {
    size_t F = c->features, K = elbow_convolution_window(c);
    real *padded = c->windows + windows_room(c, examples);
    for (size_t first = 0; first < examples; first += elbow_convolution_block(c)) {
        block b = block_at(c, first, examples);
        elbow_gemm(false, false, b.positions, K, F, 1, small + b.small, F, weights, K, 0, c->windows, K);
        scatter(c, large + b.large, padded, c->windows, b.examples);
    }
}

void elbow_convolve_weights(const elbow_convolution *c, real *dweights, const real *small, const real *large,
                            real *convolved, const real *weights, size_t examples) {
    size_t F = c->features, K = elbow_convolution_window(c);
    real *padded = c->windows + windows_room(c, examples);
    for (size_t first = 0; first < examples; first += elbow_convolution_block(c)) {
        block b = block_at(c, first, examples);
        gather(c, c->windows, padded, large + b.large, b.examples);
        elbow_gemm(true, false, F, K, b.positions, 1, small + b.small, F, c->windows, K, 1, dweights, K);
        if (convolved != NULL)
            elbow_gemm(false, true, b.positions, F, K, 1, c->windows, K, weights, K, 0, convolved + b.small,
                       F);
    }
}
