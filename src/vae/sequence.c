#include "vae/sequence.h"

#include <math.h>
#include <string.h>

#include "math/softmax_density.h"
#include "math/vector.h"
#include "nn/pass.h"

enum { KEPT_LOGITS = 1 << 24, BLOCK_LOGITS = 1 << 22 };

static size_t least(size_t a, size_t b) { return a < b ? a : b; }
static size_t at_least_one(size_t n) { return n ? n : 1; }

void elbow_teacher_create(elbow_teacher *teacher, const elbow_field *field, const elbow_options *options) {
    *teacher = (elbow_teacher){.vocabulary = field->vocabulary,
                               .longest = field->dimensions,
                               .word_dropout = options->model.word_dropout};
}

static size_t evaluated_rows(const elbow_teacher *teacher) {
    return at_least_one(ELBOW_SEQUENCE_TOKENS / teacher->longest);
}

size_t elbow_teacher_piece(const elbow_teacher *teacher, const elbow_pass *pass) {
    return pass->gradients ? teacher->room : least(teacher->room, evaluated_rows(teacher));
}

elbow_status elbow_teacher_reserve(elbow_teacher *teacher, size_t rows, bool training, elbow_arena *arena) {
    teacher->room = training ? rows : least(rows, evaluated_rows(teacher));
    ELBOW_CHECK(teacher->room <= UINT32_MAX / teacher->longest, ELBOW_MEMORY,
                "%zu draws of sequences of up to %zu symbols are too many for a batch; make it smaller",
                teacher->room, teacher->longest);
    size_t tokens = elbow_teacher_tokens(teacher);
    ELBOW_TRY(elbow_arena_take(arena, teacher->longest + 1, sizeof *teacher->begin, &teacher->begin));
    ELBOW_TRY(elbow_arena_take(arena, teacher->room, sizeof *teacher->row, &teacher->row));
    ELBOW_TRY(elbow_arena_take(arena, tokens, sizeof *teacher->inputs, &teacher->inputs));
    ELBOW_TRY(elbow_arena_take(arena, tokens, sizeof *teacher->targets, &teacher->targets));
    ELBOW_TRY(elbow_arena_take(arena, tokens, sizeof *teacher->log_p, &teacher->log_p));
    return training ? elbow_arena_reals(arena, tokens, &teacher->weights) : ELBOW_OK;
}

/* begin: of the places [first, first + piece) that the draws of a step's examples have, those there are. */
static void pack_piece(elbow_teacher *teacher, const elbow_values *x, size_t draws, size_t first,
                       size_t piece) {
    size_t steps = 0;
    teacher->begin[0] = 0;
    for (; steps < x->steps && steps < teacher->longest; steps++) {
        size_t active = elbow_values_active(x, steps) * draws;
        size_t here = active > first ? least(active - first, piece) : 0;
        if (here == 0) break;
        teacher->begin[steps + 1] = teacher->begin[steps] + (uint32_t)here;
    }
    teacher->packing = (elbow_packing){teacher->begin, steps};
    teacher->places = elbow_packing_places(&teacher->packing);
}

/* The inputs of one place, hidden ones too. */
static void hide_inputs(elbow_teacher *teacher, elbow_stream stream, const elbow_pass *pass, size_t place,
                        size_t length) {
    const uint64_t bound = (uint64_t)(teacher->word_dropout * 4294967296.0);
    uint32_t words[4] = {0}, example = pass->example + teacher->row[place];
    for (size_t t = 1; t < length && t < teacher->longest; t++) {
        size_t word = t - 1;
        if (word % 4 == 0) elbow_stream_block(stream, (uint32_t)(word / 4), example, pass->step, words);
        if (words[word % 4] < bound)
            teacher->inputs[teacher->begin[t] + place] = (uint32_t)teacher->vocabulary + 1;
    }
}

void elbow_teacher_arrange(elbow_teacher *teacher, const elbow_pass *pass, const elbow_values *x, size_t rows,
                           size_t batch, size_t first) {
    size_t draws = rows / batch;
    pack_piece(teacher, x, draws, first, elbow_teacher_piece(teacher, pass));
    for (size_t q = 0; q < teacher->places; q++)
        teacher->row[q] = (uint32_t)((first + q) % draws * batch + x->order[(first + q) / draws]);
    for (size_t t = 0; t < teacher->packing.steps; t++) {
        size_t at = teacher->begin[t], active = elbow_packing_active(&teacher->packing, t);
        for (size_t q = 0; q < active; q++) {
            size_t p = (first + q) / draws;
            teacher->targets[at + q] = x->tokens[x->begin[t] + p];
            teacher->inputs[at + q] = t ? x->tokens[x->begin[t - 1] + p] : (uint32_t)teacher->vocabulary;
        }
    }
    if (pass->gradients == NULL || teacher->word_dropout <= 0) return;
    elbow_stream stream = elbow_pass_stream(pass, "likelihood.word_dropout");
    for (size_t q = 0; q < teacher->places; q++)
        hide_inputs(teacher, stream, pass, q, x->length[(first + q) / draws]);
}

void elbow_teacher_gather(const elbow_teacher *teacher, real *to, const real *from, size_t width) {
    for (size_t q = 0; q < teacher->places; q++)
        memcpy(to + q * width, from + teacher->row[q] * width, width * sizeof *to);
}

void elbow_teacher_scatter(const elbow_teacher *teacher, real *to, const real *from, size_t width) {
    for (size_t q = 0; q < teacher->places; q++)
        memcpy(to + teacher->row[q] * width, from + q * width, width * sizeof *to);
}

void elbow_teacher_sum(const elbow_teacher *teacher, const elbow_values *x, size_t batch, real *log_px) {
    const elbow_packing *packing = &teacher->packing;
    for (size_t q = 0; q < teacher->places; q++) {
        uint32_t row = teacher->row[q];
        double sum = x->example_length[row % batch] > teacher->longest ? -(double)INFINITY : 0;
        for (size_t t = 0; t < packing->steps && q < elbow_packing_active(packing, t); t++)
            sum += teacher->log_p[packing->begin[t] + q];
        log_px[row] = (real)sum;
    }
}

void elbow_teacher_weigh(elbow_teacher *teacher, const real *weights) {
    const elbow_packing *packing = &teacher->packing;
    for (size_t t = 0; t < packing->steps; t++)
        for (size_t q = 0; q < elbow_packing_active(packing, t); q++)
            teacher->weights[packing->begin[t] + q] = weights[teacher->row[q]];
}

elbow_status elbow_symbols_create(elbow_symbols *symbols, size_t width, size_t vocabulary,
                                  elbow_params *params) {
    const elbow_activation *linear = NULL;
    ELBOW_TRY(elbow_activation_find("linear", &linear));
    *symbols = (elbow_symbols){.begin = {0, vocabulary}};
    return elbow_dense_create(&symbols->dense, "likelihood", width, vocabulary, linear, params);
}

elbow_status elbow_symbols_reserve(elbow_symbols *symbols, size_t tokens, bool training, elbow_arena *arena) {
    size_t V = symbols->dense.out;
    symbols->kept = training && tokens <= KEPT_LOGITS / V;
    symbols->block = at_least_one(BLOCK_LOGITS / V);
    return elbow_arena_reals(arena, (symbols->kept ? tokens : least(tokens, symbols->block)) * V,
                             &symbols->logits);
}

static real *block_logits(const elbow_symbols *symbols, size_t first) {
    return symbols->logits + (symbols->kept ? first * symbols->dense.out : 0);
}

/* Logits of a block of tokens, then what elbow_softmax_log_prob makes of them. */
static void score_block(const elbow_symbols *symbols, const elbow_pass *pass, real *logits, double *log_p,
                        const real *h, const uint32_t *targets, size_t count, bool gradient) {
    size_t V = symbols->dense.out;
    elbow_dense_forward(&symbols->dense, pass, logits, h, count);
    memset(log_p, 0, count * sizeof *log_p);
    elbow_softmax_log_prob(log_p, logits, targets, count, count, symbols->begin, 1, V, gradient);
}

void elbow_symbols_forward(const elbow_symbols *symbols, const elbow_pass *pass, double *log_p, const real *h,
                           const uint32_t *targets, size_t tokens) {
    for (size_t first = 0; first < tokens; first += symbols->block) {
        size_t count = least(symbols->block, tokens - first);
        score_block(symbols, pass, block_logits(symbols, first), log_p + first, h + first * symbols->dense.in,
                    targets + first, count, symbols->kept && pass->gradients);
    }
}

void elbow_symbols_backward(const elbow_symbols *symbols, const elbow_pass *pass, real *dh, double *log_p,
                            const real *weights, const real *h, const uint32_t *targets, size_t tokens) {
    size_t V = symbols->dense.out, H = symbols->dense.in;
    for (size_t first = 0; first < tokens; first += symbols->block) {
        size_t count = least(symbols->block, tokens - first);
        real *dlogits = block_logits(symbols, first);
        if (!symbols->kept)
            score_block(symbols, pass, dlogits, log_p + first, h + first * H, targets + first, count, true);
        elbow_scale_rows(dlogits, weights + first, count, V);
        elbow_dense_backward(&symbols->dense, pass, dh + first * H, dlogits, NULL, h + first * H, count);
    }
}

/* One symbol for every place from its state. */
static void draw_symbols(const elbow_symbols *symbols, const elbow_pass *pass, uint32_t *drawn, const real *h,
                         const uint32_t *words, size_t places, real temperature) {
    size_t V = symbols->dense.out, H = symbols->dense.in;
    for (size_t first = 0; first < places; first += symbols->block) {
        size_t count = least(symbols->block, places - first);
        elbow_dense_forward(&symbols->dense, pass, symbols->logits, h + first * H, count);
        for (size_t q = 0; q < count; q++)
            elbow_softmax_draw(drawn + first + q, symbols->logits + q * V, words + first + q, symbols->begin,
                               1, temperature);
    }
}

/* Places whose sequence has ended go along, and what they draw is not kept: all are done when the last one ends. */
void elbow_sequence_generate(elbow_likelihood *likelihood, const elbow_teacher *teacher,
                             const elbow_symbols *symbols, elbow_sequence_step *step, const elbow_pass *pass,
                             elbow_examples *examples, size_t to, size_t first, size_t places,
                             real temperature) {
    size_t D = examples->field->dimensions, most = least(D, teacher->longest), running = places;
    uint32_t *inputs = teacher->inputs, *words = teacher->targets, *length = examples->length + to;
    elbow_stream stream = elbow_pass_stream(pass, "generate");
    memset(examples->tokens + to * D, 0, places * D * sizeof *examples->tokens);
    memset(length, 0, places * sizeof *length);
    for (size_t q = 0; q < places; q++) inputs[q] = (uint32_t)teacher->vocabulary;
    for (size_t t = 0; t < most && running > 0; t++) {
        const real *h = step(likelihood, pass, t, inputs, places);
        for (size_t q = 0; q < places; q++) {
            uint32_t block[4];
            elbow_stream_block(stream, (uint32_t)(t / 4), pass->example + (uint32_t)(first + q), pass->step,
                               block);
            words[q] = block[t % 4];
        }
        draw_symbols(symbols, pass, inputs, h, words, places, temperature);
        for (size_t q = 0; q < places; q++) {
            if (length[q] > 0) continue;
            examples->tokens[(to + q) * D + t] = inputs[q];
            if (t + 1 == most || (examples->field->terminated && inputs[q] == 0)) {
                length[q] = (uint32_t)t + 1;
                running--;
            }
        }
    }
}
