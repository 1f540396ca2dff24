/* Words of UTF-8 text: split at white space, every punctuation mark apart.
 *
 *     “Don't,” he said: 3.5 well-known <unk>   →   “ | Don't | , | ” | he | said | : | 3.5 | well-known | <unk>
 *
 * An apostrophe or a hyphen between two letters or digits stays in its word, a point or a comma between two digits in
 * its number. `<unk>`, as some corpora have it, is one symbol. Letters are all that is neither white space nor
 * punctuation, so scripts that do not separate words are not split: those are better read as characters. */
#include <string.h>

#include "data/tokenizer.h"
#include "data/utf8.h"

typedef enum kind { END, INVALID, SPACE, MARK, LETTER, DIGIT } kind;

typedef struct range {
    uint32_t first, last;
} range;

static const range spaces[] = {{0x09, 0x0D},     {0x20, 0x20},     {0x85, 0x85},     {0xA0, 0xA0},
                               {0x1680, 0x1680}, {0x2000, 0x200B}, {0x2028, 0x2029}, {0x202F, 0x202F},
                               {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};

/* ASCII but letters, digits and `_`; Latin-1 but its letters and raised digits; general punctuation, currencies,
 * arrows to symbols; what Chinese and Japanese text is punctuated with. */
static const range marks[] = {{0x00, 0x2F},     {0x3A, 0x40},     {0x5B, 0x5E},     {0x60, 0x60},
                              {0x7B, 0x7F},     {0xA1, 0xA9},     {0xAB, 0xB1},     {0xB4, 0xB4},
                              {0xB6, 0xB8},     {0xBB, 0xBB},     {0xBF, 0xBF},     {0xD7, 0xD7},
                              {0xF7, 0xF7},     {0x2010, 0x205E}, {0x20A0, 0x20CF}, {0x2190, 0x2BFF},
                              {0x3001, 0x3003}, {0x3008, 0x3011}, {0x3014, 0x301F}, {0xFF01, 0xFF0F},
                              {0xFF1A, 0xFF20}, {0xFF3B, 0xFF40}, {0xFF5B, 0xFF65}};

static bool is_in(uint32_t code, const range *ranges, size_t count) {
    for (size_t i = 0; i < count && ranges[i].first <= code; i++)
        if (code <= ranges[i].last) return true;
    return false;
}

/* The character at `at`: what it is, its code point and its bytes. */
static kind look(const char *text, size_t length, size_t at, uint32_t *code, size_t *bytes) {
    *code = 0;
    *bytes = 0;
    if (at >= length) return END;
    *bytes = elbow_utf8_next(text + at, length - at, code);
    if (*bytes == 0) return INVALID;
    if (is_in(*code, spaces, sizeof spaces / sizeof *spaces)) return SPACE;
    if (*code >= '0' && *code <= '9') return DIGIT;
    return is_in(*code, marks, sizeof marks / sizeof *marks) ? MARK : LETTER;
}

/* Whether a mark stays in the word: between these two. */
static bool joins(uint32_t mark, kind before, kind after) {
    if (mark == '.' || mark == ',') return before == DIGIT && after == DIGIT;
    return (mark == '\'' || mark == '-' || mark == 0x2019) && after >= LETTER;
}

static size_t word_length(const char *text, size_t length, size_t begin) {
    kind before = END;
    size_t at = begin, bytes = 0, more = 0;
    for (uint32_t code = 0;;) {
        kind here = look(text, length, at, &code, &bytes);
        if (here < LETTER) {
            uint32_t next_code = 0;
            kind after = look(text, length, at + bytes, &next_code, &more);
            if (here != MARK || !joins(code, before, after)) return at - begin;
        }
        before = here;
        at += bytes;
    }
}

static elbow_token next(const char *text, size_t length, size_t at) {
    static const char unknown[] = "<unk>";
    uint32_t code = 0;
    size_t bytes = 0;
    kind here = look(text, length, at, &code, &bytes);
    for (; here == SPACE; here = look(text, length, at, &code, &bytes)) at += bytes;
    elbow_token token = {.begin = at, .length = bytes};
    if (here == INVALID) {
        token.length = 1;
        token.wrong = "is not UTF-8";
    } else if (here >= LETTER) {
        token.length = word_length(text, length, at);
    } else if (length - at >= sizeof unknown - 1 && memcmp(text + at, unknown, sizeof unknown - 1) == 0) {
        token.length = sizeof unknown - 1;
    }
    return token;
}

const elbow_tokenizer elbow_tokenizer_words = {.name = "words", .joiner = " ", .open = true, .next = next};
