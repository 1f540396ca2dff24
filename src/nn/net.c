#include "elbow/nn/net.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "elbow/base/options.h"
#include "math/vector.h"
#include "nn/layer.h"

static const elbow_layer_ops *const layers[] = {
    &elbow_layer_dense,      &elbow_layer_reshape, &elbow_layer_conv,  &elbow_layer_deconv,
    &elbow_layer_layer_norm, &elbow_layer_dropout, &elbow_layer_embed, &elbow_layer_gru,
    &elbow_layer_bigru,      &elbow_layer_signs,
};

enum { LAYERS = sizeof layers / sizeof *layers, NET_LAYERS = 64, WORD_BYTES = 64 };

/* One layer of a spec, not made yet. */
typedef struct spec_word {
    const elbow_layer_ops *ops;
    char size[WORD_BYTES];
} spec_word;

struct elbow_net {
    elbow_shape input;  /* what the caller gives: values of a field, or rows */
    elbow_shape first;  /* what the first layer gets */
    elbow_shape output; /* what the caller gets */
    size_t count;
    size_t given;     /* width of what is given; joins the input or the output */
    bool given_first; /* the input */
    size_t longest;
    elbow_layer layers[NET_LAYERS];
    real *joined; /* (rows, first.width): values as rows, or x and what is given side by side */
    real *dx;     /* (rows, input.width): the part of the gradient that is x's */
    real *y,
        *dy; /* (rows, output.width) and (rows, last layer's width), where what is given joins the output */
    const real *x; /* what the first layer got */
    elbow_net_input pass;
};

/* "dense WIDTH, conv …" for messages. */
static void list_layers(char *known, size_t room) {
    known[0] = 0;
    for (size_t i = 0; i < LAYERS; i++) {
        size_t used = strlen(known);
        snprintf(known + used, room - used, "%s%s%s%s", i ? ", " : "", layers[i]->name,
                 layers[i]->grammar ? " " : "", layers[i]->grammar ? layers[i]->grammar : "");
    }
}

/* What was meant: a known name, or one whose size was written onto it. */
static elbow_status fail_unknown(const char *word) {
    char known[512], meant[WORD_BYTES + 32] = "";
    const char *names[LAYERS];
    for (size_t i = 0; i < LAYERS; i++) {
        size_t length = strlen(names[i] = layers[i]->name);
        if (strncmp(word, names[i], length) == 0 && isdigit((unsigned char)word[length]))
            snprintf(meant, sizeof meant, "; did you mean `%s %s`?", names[i], word + length);
    }
    const char *nearest = elbow_nearest_name(word, names, LAYERS);
    if (meant[0] == 0 && nearest != NULL) snprintf(meant, sizeof meant, "; did you mean `%s`?", nearest);
    list_layers(known, sizeof known);
    return elbow_fail(ELBOW_USAGE, "`%s` is no layer%s%s %s (a bare number is a dense layer)", word, meant,
                      meant[0] ? " Known:" : "; known:", known);
}

/* The next word at *text, of at most WORD_BYTES − 1 bytes; empty at the end. */
static elbow_status next_word(const char **text, char *out) {
    const char *p = *text + strspn(*text, " \t");
    size_t length = strcspn(p, " \t");
    ELBOW_CHECK(length < WORD_BYTES, ELBOW_USAGE, "`%s` is longer than a layer can be written", p);
    memcpy(out, p, length);
    out[length] = 0;
    *text = p + length;
    return ELBOW_OK;
}

/* A layer as it is written: `512`, `conv 32x4s2`, `conv:32x4s2`. */
static elbow_status read_layer(const char **text, spec_word *out) {
    char name[WORD_BYTES];
    ELBOW_TRY(next_word(text, name));
    if (isdigit((unsigned char)name[0])) {
        out->ops = &elbow_layer_dense;
        memcpy(out->size, name, sizeof name);
        return ELBOW_OK;
    }
    char *colon = strchr(name, ':');
    if (colon) *colon = 0;
    out->ops = NULL;
    for (size_t i = 0; i < LAYERS && out->ops == NULL; i++)
        if (strcmp(layers[i]->name, name) == 0) out->ops = layers[i];
    if (out->ops == NULL) return fail_unknown(name);
    out->size[0] = 0;
    ELBOW_CHECK(out->ops->grammar != NULL || colon == NULL, ELBOW_USAGE,
                "`%s:%s`: this layer takes no size; write `%s`", name, colon + 1, name);
    if (out->ops->grammar == NULL) return ELBOW_OK;
    if (colon)
        memmove(out->size, colon + 1, strlen(colon + 1) + 1);
    else
        ELBOW_TRY(next_word(text, out->size));
    ELBOW_CHECK(out->size[0] != 0, ELBOW_USAGE, "`%s` wants its size; write %s %s", name, name,
                out->ops->grammar);
    return ELBOW_OK;
}

static elbow_status add_layer(elbow_net *net, const char *name, const spec_word *word, bool last_sequence,
                              const elbow_activation *activation, elbow_params *params) {
    elbow_layer *layer = &net->layers[net->count];
    const elbow_shape *in = net->count ? &net->layers[net->count - 1].out : &net->first;
    char layer_name[ELBOW_TENSOR_NAME];
    snprintf(layer_name, sizeof layer_name, "%s.%zu", name, net->count);
    layer->ops = word->ops;
    layer->in = *in;
    layer->longest = net->longest;
    ELBOW_CHECK(!in->sequence || word->ops->sequences || word->ops->rowwise, ELBOW_USAGE,
                "`%s` cannot follow a layer that gives sequences; put a recurrent layer (gru) before it",
                word->ops->name);
    net->count++; /* from here on destroy looks after it */
    elbow_layer_request request = {
        .size = word->size, .name = layer_name, .activation = activation, .last_sequence = last_sequence};
    layer->begin = params->size;
    elbow_status status = layer->ops->create(layer, &request, params);
    layer->end = params->size;
    return status;
}

/* How a field's values look as rows of reals. */
static elbow_shape rows_of_field(const elbow_field *field) {
    size_t D = field->dimensions;
    if (field->kind == ELBOW_IMAGE) return elbow_shape_image(field->height, field->width, field->channels);
    if (field->kind == ELBOW_SEQUENCE) return elbow_shape_image(1, D, field->vocabulary);
    size_t width = elbow_field_input_width(field), K = field->columns[0].cardinality;
    bool alike = K > 0 && width == D * K;
    for (size_t d = 0; d < D; d++) alike = alike && field->columns[d].cardinality == K;
    return alike ? elbow_shape_image(1, D, K) : elbow_shape_flat(width);
}

/* What the first layer gets, and where that which is given joins. */
static void shape_input(elbow_net *net, const spec_word *words, size_t count) {
    bool values = net->input.field != NULL;
    bool as_they_are = values && count > 0 && words[0].ops->values;
    net->first = values && !as_they_are ? rows_of_field(net->input.field) : net->input;
    net->longest = values && net->input.field->kind == ELBOW_SEQUENCE ? net->input.field->dimensions : 1;
    size_t i = 0;
    while (i < count && words[i].ops->rowwise) i++; /* dropout and the like pass any shape on */
    bool flat = !as_they_are && (i == count || words[i].ops == &elbow_layer_dense);
    net->given_first = net->given > 0 && flat;
    if (net->given_first) net->first = elbow_shape_flat(net->first.width + net->given);
}

static elbow_status add_layers(elbow_net *net, const char *name, const char *spec,
                               const elbow_activation *activation, elbow_params *params) {
    spec_word words[NET_LAYERS];
    size_t count = 0, last_sequence = 0;
    for (const char *p = spec + strspn(spec, " \t"); *p != 0; p += strspn(p, " \t")) {
        ELBOW_CHECK(count < NET_LAYERS, ELBOW_USAGE, "more than %d layers; use fewer", NET_LAYERS);
        ELBOW_TRY(read_layer(&p, &words[count]));
        if (words[count].ops->sequences) last_sequence = count;
        count++;
    }
    shape_input(net, words, count);
    for (size_t i = 0; i < count; i++)
        ELBOW_TRY(add_layer(net, name, &words[i], i >= last_sequence, activation, params));
    net->output = net->count ? net->layers[net->count - 1].out : net->first;
    ELBOW_CHECK(!net->output.sequence, ELBOW_USAGE,
                "`%s` ends in a sequence; end it in a recurrent layer (gru), which makes one row of it",
                spec);
    if (net->given > 0 && !net->given_first) net->output = elbow_shape_flat(net->output.width + net->given);
    return ELBOW_OK;
}

elbow_status elbow_net_create(elbow_net **out, const char *name, const char *spec, const char *activation,
                              const elbow_shape *input, size_t given, elbow_params *params) {
    const elbow_activation *function = NULL;
    *out = NULL;
    ELBOW_TRY(elbow_activation_find(activation, &function));
    elbow_net *net = calloc(1, sizeof *net);
    ELBOW_CHECK(net != NULL, ELBOW_MEMORY, "no memory for a network");
    net->input = *input;
    net->given = given;
    elbow_status status = add_layers(net, name, spec, function, params);
    if (status != ELBOW_OK) elbow_net_destroy(&net);
    *out = net;
    return status;
}

void elbow_net_destroy(elbow_net **net) {
    if (*net == NULL) return;
    for (size_t i = 0; i < (*net)->count; i++) (*net)->layers[i].ops->destroy(&(*net)->layers[i]);
    free(*net);
    *net = NULL;
}

const elbow_shape *elbow_net_output(const elbow_net *net) { return &net->output; }
size_t elbow_net_output_width(const elbow_net *net) { return net->output.width; }

bool elbow_net_draws(const elbow_net *net) {
    for (size_t i = 0; i < net->count; i++)
        if (net->layers[i].ops->draws) return true;
    return false;
}

elbow_status elbow_net_reserve(elbow_net *net, size_t rows, bool training, elbow_arena *arena) {
    if (net->given_first || (net->input.field != NULL && net->first.field == NULL))
        ELBOW_TRY(elbow_arena_reals(arena, rows * net->first.width, &net->joined));
    if (net->given_first && training) ELBOW_TRY(elbow_arena_reals(arena, rows * net->first.width, &net->dx));
    if (net->given > 0 && !net->given_first) {
        ELBOW_TRY(elbow_arena_reals(arena, rows * net->output.width, &net->y));
        if (training) ELBOW_TRY(elbow_arena_reals(arena, rows * net->output.width, &net->dy));
    }
    for (size_t i = 0; i < net->count; i++) {
        elbow_layer *layer = &net->layers[i];
        size_t in = elbow_layer_most_rows(layer, &layer->in, rows);
        size_t out = elbow_layer_most_rows(layer, &layer->out, rows);
        if (layer->ops->forward) ELBOW_TRY(elbow_arena_reals(arena, out * layer->out.width, &layer->y));
        if (training && layer->ops->backward)
            ELBOW_TRY(elbow_arena_reals(arena, in * layer->in.width, &layer->dx));
        if (layer->ops->reserve) ELBOW_TRY(layer->ops->reserve(layer, rows, training, arena));
    }
    return ELBOW_OK;
}

/* What is given, beside each row from column `at` on. */
static void copy_given(const elbow_net *net, real *to, size_t width, size_t at) {
    const elbow_net_input *in = &net->pass;
    for (size_t r = 0; r < in->rows; r++)
        memcpy(to + r * width + at, in->given + r % in->batch * net->given, net->given * sizeof *to);
}

/* The first layer's input: as it is where that will do. */
static const real *join_input(elbow_net *net) {
    const elbow_net_input *in = &net->pass;
    size_t width = net->first.width, own = width - (net->given_first ? net->given : 0);
    if (net->first.field != NULL) return NULL;
    bool image = in->values && in->values->field->kind == ELBOW_IMAGE;
    const real *x = image ? in->values->reals : in->x;
    if (!net->given_first && x != NULL) return x;
    if (x != NULL)
        elbow_copy_columns(net->joined, width, x, own, own, in->rows);
    else if (in->values != NULL)
        elbow_values_write_input(in->values, net->joined, width, 0, in->rows);
    if (net->given_first) copy_given(net, net->joined, width, own);
    return net->joined;
}

const real *elbow_net_forward(elbow_net *net, const elbow_pass *pass, const elbow_net_input *input) {
    net->pass = *input;
    net->x = join_input(net);
    const real *x = net->x;
    for (size_t i = 0; i < net->count; i++) {
        elbow_layer *layer = &net->layers[i];
        layer->values = input->values;
        layer->batch = input->batch > 0 ? input->batch : input->rows;
        if (layer->ops->forward) layer->ops->forward(layer, pass, layer->y, x, input->rows);
        x = layer->ops->forward ? layer->y : x;
        layer->y = (real *)x; /* what a backward, and the layer after, will want */
    }
    if (net->given == 0 || net->given_first) return x;
    size_t own = net->output.width - net->given;
    elbow_copy_columns(net->y, net->output.width, x, own, own, input->rows);
    copy_given(net, net->y, net->output.width, own);
    return net->y;
}

real *elbow_net_backward(elbow_net *net, const elbow_pass *pass, real *dy, bool want_dx) {
    size_t rows = net->pass.rows, width = net->first.width;
    if (net->given > 0 && !net->given_first) {
        size_t own = net->output.width - net->given;
        elbow_copy_columns(net->dy, own, dy, net->output.width, own, rows);
        dy = net->dy;
    }
    size_t first = 0; /* that has a use for the gradient in what it gives */
    while (first < net->count && net->layers[first].ops->backward == NULL) first++;
    for (size_t i = net->count; i-- > 0;) {
        elbow_layer *layer = &net->layers[i];
        const real *x = i ? net->layers[i - 1].y : net->x;
        real *dx = i > first || want_dx ? layer->dx : NULL;
        if (layer->ops->backward) layer->ops->backward(layer, pass, dx, dy, layer->y, x, rows);
        dy = layer->ops->backward ? dx : dy;
        if (pass->ready && layer->begin < layer->end)
            pass->ready->tell(pass->ready->context, layer->begin, layer->end);
    }
    if (!want_dx && net->count > 0) return NULL;
    if (!want_dx || !net->given_first) return dy;
    elbow_copy_columns(net->dx, width - net->given, dy, width, width - net->given, rows);
    return net->dx;
}
