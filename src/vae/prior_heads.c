#include "vae/prior_heads.h"

#include <stdio.h>
#include <string.h>

#include "math/vector.h"

elbow_status elbow_prior_heads_create(elbow_prior_heads *heads, const char *name, size_t features,
                                      size_t width, elbow_params *params) {
    char tensor[2 * ELBOW_TENSOR_NAME];
    const elbow_activation *linear = NULL;
    *heads = (elbow_prior_heads){.width = width, .conditional = features > 0};
    ELBOW_TRY(elbow_activation_find("linear", &linear));
    if (features > 0) return elbow_dense_create(&heads->dense, name, features, width, linear, params);
    snprintf(tensor, sizeof tensor, "%s.bias", name);
    return elbow_params_declare(params, tensor, 1, &width, 0, &heads->bias);
}

void elbow_prior_heads_forward(const elbow_prior_heads *heads, const elbow_pass *pass, real *out,
                               const real *features, size_t rows) {
    const real *bias = pass->parameters + heads->bias;
    if (heads->conditional)
        elbow_dense_forward(&heads->dense, pass, out, features, rows);
    else
        for (size_t r = 0; r < rows; r++) memcpy(out + r * heads->width, bias, heads->width * sizeof *out);
}

void elbow_prior_heads_backward(const elbow_prior_heads *heads, const elbow_pass *pass, real *dfeatures,
                                real *d, const real *features, size_t rows) {
    if (heads->conditional)
        elbow_dense_backward(&heads->dense, pass, dfeatures, d, d, features, rows);
    else
        elbow_column_sums(pass->gradients + heads->bias, d, rows, heads->width);
}
