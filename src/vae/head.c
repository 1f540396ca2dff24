#include <assert.h>

#include "math/vector.h"
#include "vae/likelihood.h"

elbow_status elbow_head_create(elbow_head *head, const char *name, const elbow_shape *features,
                               const elbow_field *field, size_t width, elbow_params *params) {
    const elbow_activation *linear = NULL;
    ELBOW_TRY(elbow_activation_find("linear", &linear));
    bool aligned = field->kind == ELBOW_IMAGE && features->channels > 0 &&
                   features->height == field->height && features->across == field->width;
    size_t in = aligned ? features->channels : features->width;
    head->width = width;
    head->repeats = aligned ? field->height * field->width : 1;
    assert(width % head->repeats == 0);
    return elbow_dense_create(&head->dense, name, in, width / head->repeats, linear, params);
}

/* Channels are last, so an image's rows are those of its pixels one after the other. */
void elbow_head_forward(const elbow_head *head, const elbow_pass *pass, real *y, const real *features,
                        size_t rows) {
    elbow_dense_forward(&head->dense, pass, y, features, rows * head->repeats);
}

void elbow_head_multiply(const elbow_head *head, const elbow_pass *pass, real *y, const real *features,
                         size_t rows) {
    elbow_dense_multiply(&head->dense, pass, y, features, rows * head->repeats);
}

void elbow_head_add_bias(const elbow_head *head, const elbow_pass *pass, real *y, size_t rows) {
    elbow_add_bias(y, pass->parameters + head->dense.bias, rows * head->repeats, head->dense.out);
}

void elbow_head_backward(const elbow_head *head, const elbow_pass *pass, real *dfeatures, real *dy,
                         const real *weights, const real *features, size_t rows) {
    if (weights != NULL && head->repeats > 1) { /* they are of whole rows */
        elbow_scale_rows(dy, weights, rows, head->width);
        weights = NULL;
    }
    elbow_dense_backward_weighted(&head->dense, pass, dfeatures, dy, weights, NULL, features,
                                  rows * head->repeats);
}
