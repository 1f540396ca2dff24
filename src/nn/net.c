#include "elbow/nn/net.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "nn/layer.h"

static const elbow_layer_ops *const layers[] = {
    &elbow_layer_dense,
};

enum { LAYERS = sizeof layers / sizeof *layers, NET_LAYERS = 64, WORD_BYTES = 64 };

struct elbow_net {
    size_t input_width, count;
    const real *x; /* forward's input */
    elbow_layer layers[NET_LAYERS];
};

/* The member that a word of a spec names: a bare number is dense, else the letters it begins with. */
static elbow_status find_layer(const char *word, const elbow_layer_ops **ops) {
    if (isdigit((unsigned char)word[0])) {
        *ops = &elbow_layer_dense;
        return ELBOW_OK;
    }
    size_t head = strcspn(word, "0123456789:(");
    char known[256] = "";
    for (size_t i = 0; i < LAYERS; i++) {
        *ops = layers[i];
        if (strlen(layers[i]->name) == head && strncmp(word, layers[i]->name, head) == 0) return ELBOW_OK;
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s %s", i ? ", " : "", layers[i]->name,
                 layers[i]->grammar);
    }
    return elbow_fail(ELBOW_USAGE, "`%s` is no layer; known: %s (a bare number is a dense layer)", word,
                      known);
}

static elbow_status add_layer(elbow_net *net, const char *name, const char *word,
                              const elbow_activation *activation, elbow_params *params) {
    ELBOW_CHECK(net->count < NET_LAYERS, ELBOW_USAGE, "more than %d layers; use fewer", NET_LAYERS);
    elbow_layer *layer = &net->layers[net->count];
    char layer_name[ELBOW_TENSOR_NAME];
    snprintf(layer_name, sizeof layer_name, "%s.%zu", name, net->count);
    ELBOW_TRY(find_layer(word, &layer->ops));
    layer->input_width = elbow_net_output_width(net);
    net->count++; /* from here on destroy looks after it */
    elbow_layer_request request = {.word = word, .name = layer_name, .activation = activation};
    return layer->ops->create(layer, &request, params);
}

elbow_status elbow_net_create(elbow_net **out, const char *name, const char *spec, const char *activation,
                              size_t input_width, elbow_params *params) {
    elbow_status status = ELBOW_OK;
    const elbow_activation *function = NULL;
    *out = NULL;
    ELBOW_TRY(elbow_activation_find(activation, &function));
    elbow_net *net = calloc(1, sizeof *net);
    ELBOW_CHECK(net != NULL, ELBOW_MEMORY, "no memory for a network");
    net->input_width = input_width;

    for (const char *p = spec + strspn(spec, " \t"); *p != 0; p += strspn(p, " \t")) {
        char word[WORD_BYTES];
        size_t length = strcspn(p, " \t");
        ELBOW_CHECK_OR_DONE(length < sizeof word, ELBOW_USAGE, "`%s` has a word of more than %d letters",
                            spec, WORD_BYTES - 1);
        memcpy(word, p, length);
        word[length] = 0;
        p += length;
        ELBOW_TRY_OR_DONE(add_layer(net, name, word, function, params));
    }
    *out = net;
    net = NULL;
done:
    elbow_net_destroy(&net);
    return status;
}

void elbow_net_destroy(elbow_net **net) {
    if (*net == NULL) return;
    for (size_t i = 0; i < (*net)->count; i++) (*net)->layers[i].ops->destroy(&(*net)->layers[i]);
    free(*net);
    *net = NULL;
}

size_t elbow_net_output_width(const elbow_net *net) {
    return net->count ? net->layers[net->count - 1].output_width : net->input_width;
}

elbow_status elbow_net_reserve(elbow_net *net, size_t rows, bool training, elbow_arena *arena) {
    for (size_t i = 0; i < net->count; i++) {
        elbow_layer *layer = &net->layers[i];
        ELBOW_TRY(elbow_arena_reals(arena, rows * layer->output_width, &layer->y));
        if (training) ELBOW_TRY(elbow_arena_reals(arena, rows * layer->input_width, &layer->dx));
        if (layer->ops->reserve) ELBOW_TRY(layer->ops->reserve(layer, rows, training, arena));
    }
    return ELBOW_OK;
}

const real *elbow_net_forward(elbow_net *net, const elbow_pass *pass, const real *x, size_t rows) {
    net->x = x;
    for (size_t i = 0; i < net->count; i++) {
        elbow_layer *layer = &net->layers[i];
        layer->ops->forward(layer, pass, layer->y, x, rows);
        x = layer->y;
    }
    return x;
}

real *elbow_net_backward(elbow_net *net, const elbow_pass *pass, real *dy, size_t rows, bool want_dx) {
    for (size_t i = net->count; i-- > 0;) {
        elbow_layer *layer = &net->layers[i];
        const real *x = i ? net->layers[i - 1].y : net->x;
        real *dx = i > 0 || want_dx ? layer->dx : NULL;
        layer->ops->backward(layer, pass, dx, dy, layer->y, x, rows);
        dy = dx;
    }
    return dy;
}
