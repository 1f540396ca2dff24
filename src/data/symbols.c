#include "data/symbols.h"

#include <string.h>

#include "data/field.h"

static const char end_text[] = "<end>", unknown_text[] = "<unk>";

void elbow_symbols_begin(elbow_symbols *symbols, bool terminated, bool open) {
    *symbols = (elbow_symbols){.terminated = terminated, .open = open};
}

void elbow_symbols_destroy(elbow_symbols *symbols) { elbow_words_destroy(&symbols->words); }

static bool is_unknown(const elbow_symbols *symbols, const char *text, size_t length) {
    return symbols->open && length == sizeof unknown_text - 1 && memcmp(text, unknown_text, length) == 0;
}

/* Codes before the words'. */
static size_t count_special(const elbow_symbols *symbols) {
    return (size_t)symbols->terminated + (size_t)symbols->open;
}

elbow_status elbow_symbols_add(elbow_symbols *symbols, const char *text, size_t length) {
    symbols->seen++;
    return is_unknown(symbols, text, length) ? ELBOW_OK : elbow_words_add(&symbols->words, text, length, 1);
}

elbow_status elbow_symbols_sort(elbow_symbols *symbols, uint64_t least, size_t most, const char *subject) {
    elbow_words *words = &symbols->words;
    if (symbols->open)
        ELBOW_TRY(elbow_words_sort(words, ELBOW_WORDS_BY_COUNT, least, most));
    else
        ELBOW_TRY(elbow_words_sort(words, ELBOW_WORDS_BY_BYTES, 0, 0));
    size_t room = ELBOW_VOCABULARY_MOST - count_special(symbols);
    ELBOW_CHECK(words->count <= room, ELBOW_FORMAT, "%s: %zu different symbols, and %zu are possible; %s",
                subject, words->count, room,
                symbols->open ? "give a larger --cutoff, or --vocabulary" : "read it as bytes");
    symbols->kept = 0;
    for (size_t i = 0; i < words->count; i++) symbols->kept += words->seen[i];
    return ELBOW_OK;
}

int64_t elbow_symbols_code(const elbow_symbols *symbols, const char *text, size_t length) {
    int64_t word = is_unknown(symbols, text, length) ? ELBOW_WORD_ABSENT
                                                     : elbow_words_find(&symbols->words, text, length);
    if (word != ELBOW_WORD_ABSENT) return word + (int64_t)count_special(symbols);
    return symbols->open ? (int64_t)symbols->terminated : ELBOW_WORD_ABSENT;
}

elbow_status elbow_symbols_describe(const elbow_symbols *symbols, const char *joiner, elbow_field *field) {
    elbow_status status = ELBOW_OK;
    const elbow_words *words = &symbols->words;
    size_t special = count_special(symbols);
    *field = (elbow_field){.kind = ELBOW_SEQUENCE, .dimensions = 1, .terminated = symbols->terminated};
    memcpy(field->joiner, joiner, strlen(joiner) + 1);
    ELBOW_TRY_OR_DONE(elbow_field_take_symbols(field, special + words->count));
    if (symbols->terminated)
        ELBOW_TRY_OR_DONE(elbow_text_copy(&field->symbols[0], end_text, sizeof end_text - 1));
    if (symbols->open)
        ELBOW_TRY_OR_DONE(
            elbow_text_copy(&field->symbols[special - 1], unknown_text, sizeof unknown_text - 1));
    for (size_t i = 0; i < words->count; i++)
        ELBOW_TRY_OR_DONE(elbow_text_copy(&field->symbols[special + i], words->words[i], words->lengths[i]));
done:
    if (status != ELBOW_OK) elbow_field_destroy(field);
    return status;
}
