#include "data/sequences.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/field.h"
#include "data/symbols.h"
#include "data/utf8.h"
#include "data/writer.h"
#include "elbow/base/log.h"

typedef enum pass_kind { COUNT, LEARN, WRITE } pass_kind;

/* Bytes and where they end: the symbols of the example that is being put together, and their lines. */
typedef struct held_symbols {
    char *bytes;
    size_t *ends, *lines;
    size_t count, room, bytes_room;
} held_symbols;

typedef struct sequences {
    const elbow_sequences_how *how;
    pass_kind pass;
    elbow_plan plan;
    elbow_writer *writer;
    elbow_symbols symbols;
    elbow_bad_rows unknown; /* examples with a symbol that the vocabulary lacks */
    size_t empty;           /* lines, of this pass */
    held_symbols held;
    uint16_t *codes; /* (codes_room) */
    size_t codes_room;
} sequences;

/* -------------------------------------------------------------------------------- the example in hand */

static void *enlarge(void *memory, size_t *room, size_t needed, size_t size) {
    size_t more = 2 * *room > needed ? 2 * *room : needed;
    void *larger = realloc(memory, more * size);
    if (larger != NULL) *room = more;
    return larger;
}

static elbow_status make_room(held_symbols *h, size_t bytes) {
    bool failed = false;
    if (bytes > h->bytes_room) {
        char *larger = enlarge(h->bytes, &h->bytes_room, bytes, 1);
        failed = larger == NULL;
        if (larger != NULL) h->bytes = larger;
    }
    if (h->count == h->room) {
        size_t room = h->room > 0 ? 2 * h->room : 256;
        size_t *ends = realloc(h->ends, room * sizeof *ends);
        if (ends != NULL) h->ends = ends;
        size_t *lines = realloc(h->lines, room * sizeof *lines);
        if (lines != NULL) h->lines = lines;
        failed = failed || ends == NULL || lines == NULL;
        if (!failed) h->room = room;
    }
    ELBOW_CHECK(!failed, ELBOW_MEMORY, "no memory for an example of %zu symbols", h->count);
    return ELBOW_OK;
}

static size_t begin_of(const held_symbols *h, size_t symbol) { return symbol == 0 ? 0 : h->ends[symbol - 1]; }

enum { SHOWN_BYTES = 64, SHOWN_MOST = 40 };

/* How messages say bytes: themselves, or the first of them, where one can read them. */
static void show(char shown[SHOWN_BYTES], const char *text, size_t length) {
    uint32_t code = 0;
    size_t at = 0;
    bool readable = true;
    for (size_t bytes = 0; at < length && at < SHOWN_MOST && readable; at += bytes) {
        bytes = elbow_utf8_next(text + at, length - at, &code);
        readable = bytes > 0 && code > 32 && (code < 0x7F || code > 0xA0);
    }
    if (readable)
        snprintf(shown, SHOWN_BYTES, "`%.*s%s`", (int)at, text, at < length ? "…" : "");
    else
        snprintf(shown, SHOWN_BYTES, "byte 0x%02X", (unsigned)(unsigned char)text[0]);
}

/* -------------------------------------------------------------------------------------------- examples */

static elbow_status learn(sequences *s) {
    const held_symbols *h = &s->held;
    for (size_t i = 0; i < h->count; i++) {
        size_t begin = begin_of(h, i);
        ELBOW_TRY(elbow_symbols_add(&s->symbols, h->bytes + begin, h->ends[i] - begin));
    }
    return ELBOW_OK;
}

static elbow_status write(sequences *s, elbow_split split, const char *path) {
    const held_symbols *h = &s->held;
    size_t count = h->count + (size_t)s->symbols.terminated;
    if (count > s->codes_room) {
        uint16_t *larger = enlarge(s->codes, &s->codes_room, count, sizeof *larger);
        ELBOW_CHECK(larger != NULL, ELBOW_MEMORY, "no memory for an example of %zu symbols", count);
        s->codes = larger;
    }
    for (size_t i = 0; i < h->count; i++) {
        size_t begin = begin_of(h, i), length = h->ends[i] - begin;
        int64_t code = elbow_symbols_code(&s->symbols, h->bytes + begin, length);
        if (code == ELBOW_WORD_ABSENT) {
            char shown[SHOWN_BYTES];
            show(shown, h->bytes + begin, length);
            return elbow_bad_row(&s->unknown, path, h->lines[i],
                                 "%s in %s does not occur in the training split", shown,
                                 elbow_split_name(split));
        }
        s->codes[i] = (uint16_t)code;
    }
    if (s->symbols.terminated) s->codes[h->count] = 0;
    return elbow_writer_append_tokens(s->writer, split, ELBOW_X, s->codes, count);
}

/* What is held is an example. */
static elbow_status end_example(sequences *s, const char *path) {
    elbow_split split = elbow_plan_next(&s->plan);
    elbow_status status = ELBOW_OK;
    if (s->pass == LEARN && split == ELBOW_TRAIN) status = learn(s);
    if (s->pass == WRITE) status = write(s, split, path);
    s->held.count = 0;
    return status;
}

static elbow_status hold(sequences *s, const char *path, size_t line, const char *text, size_t length) {
    held_symbols *h = &s->held;
    size_t begin = begin_of(h, h->count);
    ELBOW_TRY(make_room(h, begin + length));
    memcpy(h->bytes + begin, text, length);
    h->ends[h->count] = begin + length;
    h->lines[h->count++] = line;
    return h->count == s->how->window ? end_example(s, path) : ELBOW_OK;
}

/* ----------------------------------------------------------------------------------------------- lines */

/* What of a line counts. */
static void prepare(const elbow_sequences_how *how, elbow_line *line) {
    static const char blanks[] = " \t\r\v\f";
    if (how->first_word) {
        size_t before = strspn(line->text, blanks);
        line->text += before;
        line->length = strcspn(line->text, blanks);
    }
    for (size_t i = 0; i < line->length && how->lower; i++)
        if (line->text[i] >= 'A' && line->text[i] <= 'Z') line->text[i] = (char)(line->text[i] - 'A' + 'a');
}

/* Whether a line can be read, and how many symbols it has. */
static elbow_status check_line(sequences *s, const char *path, const elbow_line *line, size_t *symbols,
                               bool *good) {
    const elbow_tokenizer *tokenizer = s->how->tokenizer;
    size_t most = s->how->longest > 0 ? s->how->longest : ELBOW_DIMENSIONS_MOST - 1;
    elbow_token token = tokenizer->next(line->text, line->length, 0);
    *symbols = 0;
    for (; token.length > 0 && token.wrong == NULL; ++*symbols)
        token = tokenizer->next(line->text, line->length, token.begin + token.length);
    *good = token.wrong == NULL && (s->how->window > 0 || *symbols <= most);
    if (*good) return ELBOW_OK;
    if (token.wrong == NULL)
        return elbow_bad_row(&s->plan.bad, path, line->number, "%zu symbols, and %zu are the most", *symbols,
                             most);
    char shown[SHOWN_BYTES];
    show(shown, line->text + token.begin, token.length);
    return elbow_bad_row(&s->plan.bad, path, line->number, "%s at its byte %zu %s", shown, token.begin + 1,
                         token.wrong);
}

static elbow_status take_line(sequences *s, const char *path, elbow_line *line) {
    const elbow_tokenizer *tokenizer = s->how->tokenizer;
    size_t symbols = 0;
    bool good = true, windows = s->how->window > 0;
    prepare(s->how, line);
    ELBOW_TRY(check_line(s, path, line, &symbols, &good));
    if (!good) return ELBOW_OK;
    if (symbols == 0) s->empty++;
    for (size_t i = 0, at = 0; i < symbols; i++) {
        elbow_token token = tokenizer->next(line->text, line->length, at);
        ELBOW_TRY(hold(s, path, line->number, line->text + token.begin, token.length));
        at = token.begin + token.length;
    }
    if (windows)
        return tokenizer->line == NULL
                   ? ELBOW_OK
                   : hold(s, path, line->number, tokenizer->line, strlen(tokenizer->line));
    return symbols > 0 ? end_example(s, path) : ELBOW_OK;
}

static elbow_status read_file(void *self, elbow_plan *plan, const char *path) {
    sequences *s = self;
    elbow_status status = ELBOW_OK;
    elbow_lines *lines = NULL;
    elbow_line line;
    (void)plan;
    ELBOW_TRY(elbow_lines_open(&lines, path));
    for (;;) {
        ELBOW_TRY_OR_DONE(elbow_lines_next(lines, &line));
        if (line.text == NULL) break;
        ELBOW_TRY_OR_DONE(take_line(s, path, &line));
    }
    if (s->held.count >= 2) status = end_example(s, path);
    s->held.count = 0;
done:
    elbow_lines_close(&lines);
    return status;
}

/* ---------------------------------------------------------------------------------------------- passes */

/* Of an input that is cut into windows. */
static void cut_in_order(elbow_plan *plan) {
    size_t at = 0;
    if (plan->of == NULL) return;
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++) {
        memset(plan->of + at, (int)split, plan->count[split]);
        at += plan->count[split];
    }
}

static elbow_status run_pass(sequences *s, pass_kind pass) {
    s->pass = pass;
    s->empty = 0;
    return elbow_plan_pass(&s->plan, pass != WRITE, read_file, s);
}

static void say_vocabulary(const sequences *s) {
    const elbow_symbols *symbols = &s->symbols;
    if (!symbols->open || symbols->seen == 0) return;
    elbow_notice("%zu words have symbols of their own; %.2f %% of those of the training split are <unk>",
                 symbols->words.count, 100 * (double)(symbols->seen - symbols->kept) / (double)symbols->seen);
}

static elbow_status run_passes(sequences *s, const elbow_import_request *request) {
    const elbow_sequences_how *how = s->how;
    elbow_field field;
    ELBOW_TRY(run_pass(s, COUNT));
    if (s->empty > 0 && how->window == 0)
        elbow_notice("%zu empty line%s left out", s->empty, s->empty == 1 ? "" : "s");
    if (how->window > 0) cut_in_order(&s->plan);
    ELBOW_TRY(run_pass(s, LEARN));
    ELBOW_TRY(elbow_symbols_sort(&s->symbols, how->cutoff, how->vocabulary,
                                 request->input != NULL ? request->input : request->inputs[ELBOW_TRAIN]));
    say_vocabulary(s);
    ELBOW_TRY(elbow_symbols_describe(&s->symbols, how->tokenizer->joiner, &field));
    elbow_status status = elbow_writer_describe(s->writer, ELBOW_X, &field);
    elbow_field_destroy(&field);
    if (status == ELBOW_OK) status = run_pass(s, WRITE);
    return status == ELBOW_OK ? elbow_bad_rows_end(&s->unknown) : status;
}

elbow_status elbow_sequences_import(const elbow_import_request *request, const elbow_sequences_how *how) {
    sequences s = {.how = how, .unknown = {.skip = request->skip_bad}};
    ELBOW_TRY(elbow_writer_create(&s.writer, request));
    elbow_plan_begin(&s.plan, request);
    elbow_symbols_begin(&s.symbols, how->window == 0, how->tokenizer->open);
    elbow_status status = run_passes(&s, request);
    if (status == ELBOW_OK) status = elbow_writer_finish(&s.writer);
    elbow_writer_discard(&s.writer);
    elbow_symbols_destroy(&s.symbols);
    elbow_plan_end(&s.plan);
    free(s.held.bytes);
    free(s.held.ends);
    free(s.held.lines);
    free(s.codes);
    return status;
}
