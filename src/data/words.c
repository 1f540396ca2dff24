/* Words and their codes: open addressing over XXH64, at most half full. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "data/field.h"
#include "data/import_common.h"

enum { FIRST_ROOM = 64 };

static size_t find_slot(const elbow_words *words, const char *word, size_t length) {
    size_t mask = words->table_room - 1, slot = (size_t)XXH64(word, length, 0) & mask;
    for (; words->table[slot] != 0; slot = (slot + 1) & mask) {
        size_t code = words->table[slot] - 1;
        if (words->lengths[code] == length && memcmp(words->words[code], word, length) == 0) break;
    }
    return slot;
}

static elbow_status rebuild_table(elbow_words *words, size_t room) {
    uint32_t *table = calloc(room, sizeof *table);
    ELBOW_CHECK(table != NULL, ELBOW_MEMORY, "no memory for %zu words", words->count);
    free(words->table);
    words->table = table;
    words->table_room = room;
    for (size_t code = 0; code < words->count; code++)
        table[find_slot(words, words->words[code], words->lengths[code])] = (uint32_t)(code + 1);
    return ELBOW_OK;
}

static elbow_status make_room(elbow_words *words) {
    size_t room = words->room > 0 ? 2 * words->room : FIRST_ROOM;
    if (words->count < words->room) return ELBOW_OK;
    ELBOW_CHECK(room <= UINT32_MAX / 4, ELBOW_MEMORY, "more than %zu words are too many", words->count);
    char **texts = realloc(words->words, room * sizeof *texts);
    if (texts != NULL) words->words = texts;
    size_t *lengths = realloc(words->lengths, room * sizeof *lengths);
    if (lengths != NULL) words->lengths = lengths;
    uint64_t *seen = realloc(words->seen, room * sizeof *seen);
    if (seen != NULL) words->seen = seen;
    ELBOW_CHECK(texts != NULL && lengths != NULL && seen != NULL, ELBOW_MEMORY, "no memory for %zu words",
                room);
    ELBOW_TRY(rebuild_table(words, 2 * room));
    words->room = room;
    return ELBOW_OK;
}

elbow_status elbow_words_add(elbow_words *words, const char *word, size_t length, size_t times) {
    ELBOW_TRY(make_room(words));
    size_t slot = find_slot(words, word, length);
    if (words->table[slot] == 0) {
        ELBOW_TRY(elbow_text_copy(&words->words[words->count], word, length));
        words->lengths[words->count] = length;
        words->seen[words->count] = 0;
        words->table[slot] = (uint32_t)++words->count;
    }
    words->seen[words->table[slot] - 1] += times;
    return ELBOW_OK;
}

int64_t elbow_words_find(const elbow_words *words, const char *word, size_t length) {
    if (words->count == 0) return ELBOW_WORD_ABSENT;
    uint32_t found = words->table[find_slot(words, word, length)];
    return found == 0 ? ELBOW_WORD_ABSENT : (int64_t)found - 1;
}

void elbow_words_destroy(elbow_words *words) {
    for (size_t code = 0; code < words->count; code++) free(words->words[code]);
    free(words->words);
    free(words->lengths);
    free(words->seen);
    free(words->table);
    *words = (elbow_words){.count = 0};
}

typedef struct entry {
    char *word;
    size_t length;
    uint64_t seen;
} entry;

static int compare_bytes(const void *a, const void *b) {
    const entry *x = a, *y = b;
    int order = memcmp(x->word, y->word, x->length < y->length ? x->length : y->length);
    return order != 0 ? order : (x->length > y->length) - (x->length < y->length);
}

static int compare_counts(const void *a, const void *b) {
    const entry *x = a, *y = b;
    return x->seen != y->seen ? (x->seen < y->seen ? 1 : -1) : compare_bytes(a, b);
}

elbow_status elbow_words_sort(elbow_words *words, elbow_words_order order, uint64_t least, size_t most) {
    size_t kept = 0, count = words->count;
    if (count == 0) return ELBOW_OK;
    entry *entries = malloc(count * sizeof *entries);
    ELBOW_CHECK(entries != NULL, ELBOW_MEMORY, "no memory to sort %zu words", count);
    for (size_t i = 0; i < count; i++)
        entries[i] = (entry){words->words[i], words->lengths[i], words->seen[i]};
    qsort(entries, count, sizeof *entries, order == ELBOW_WORDS_BY_COUNT ? compare_counts : compare_bytes);
    for (size_t i = 0; i < count; i++) {
        if (entries[i].seen < least || (most > 0 && kept >= most)) {
            free(entries[i].word);
            continue;
        }
        words->words[kept] = entries[i].word;
        words->lengths[kept] = entries[i].length;
        words->seen[kept++] = entries[i].seen;
    }
    words->count = kept;
    free(entries);
    return rebuild_table(words, words->table_room);
}
