#include "data/choice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elbow/base/number.h"
#include "elbow/base/options.h"

enum { WORD_BYTES = 512 };

static elbow_status fail_unknown(const char *word, char *const *names, size_t count, bool named,
                                 const char *flag) {
    if (!named)
        return elbow_fail(
            ELBOW_USAGE,
            "%s: `%.60s` is none of the columns, which have no names (no header line was seen); give "
            "numbers from 1 to %zu, or --header yes",
            flag, word, count);
    const char *nearest = elbow_nearest_name(word, (const char *const *)names, count);
    return elbow_fail(ELBOW_USAGE, "%s: no column `%.60s`; %s%s%s, or give its number from 1 to %zu", flag,
                      word, nearest != NULL ? "did you mean `" : "the first is `",
                      nearest != NULL ? nearest : names[0], "`", count);
}

/* "7" or "3-7", within 1 and `count`. */
static bool read_range(const char *word, size_t count, size_t *first, size_t *last) {
    char low[WORD_BYTES];
    int64_t a = 0, b = 0;
    size_t digits = strspn(word, "0123456789");
    if (digits == 0 || (word[digits] != '\0' && word[digits] != '-')) return false;
    memcpy(low, word, digits);
    low[digits] = '\0';
    const char *high = word[digits] == '-' ? word + digits + 1 : low;
    if (high[0] < '0' || high[0] > '9') return false;
    if (elbow_number_integer(low, 1, (int64_t)count, &a) != ELBOW_OK) return false;
    if (elbow_number_integer(high, a, (int64_t)count, &b) != ELBOW_OK) return false;
    *first = (size_t)a - 1;
    *last = (size_t)b - 1;
    return true;
}

static elbow_status choose_word(bool *chosen, char *const *names, size_t count, bool named, const char *flag,
                                const char *word) {
    size_t found = 0, first = 0, last = 0;
    for (size_t c = 0; c < count; c++) {
        if (strcmp(names[c], word) != 0) continue;
        chosen[c] = true;
        found++;
    }
    ELBOW_CHECK(found < 2, ELBOW_USAGE, "%s: %zu columns are called `%.60s`; give its number", flag, found,
                word);
    if (found == 1) return ELBOW_OK;
    if (!read_range(word, count, &first, &last)) return fail_unknown(word, names, count, named, flag);
    for (size_t c = first; c <= last; c++) chosen[c] = true;
    return ELBOW_OK;
}

elbow_status elbow_choose_columns(bool *chosen, char *const *names, size_t count, bool named,
                                  const char *flag, const char *text) {
    char word[WORD_BYTES];
    for (const char *at = text;;) {
        size_t length = strcspn(at, ",");
        ELBOW_CHECK(length < sizeof word, ELBOW_USAGE, "%s: `%.60s…` is too long for a name; give its number",
                    flag, at);
        const char *next = at + length;
        while (length > 0 && (*at == ' ' || *at == '\t')) at++, length--;
        while (length > 0 && (at[length - 1] == ' ' || at[length - 1] == '\t')) length--;
        ELBOW_CHECK(length > 0, ELBOW_USAGE,
                    "%s: `%.60s` has an empty name; give names or numbers with one comma between two", flag,
                    text);
        memcpy(word, at, length);
        word[length] = '\0';
        ELBOW_TRY(choose_word(chosen, names, count, named, flag, word));
        if (*next == '\0') return ELBOW_OK;
        at = next + 1;
    }
}
