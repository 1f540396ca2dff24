#include <stdint.h>
#include <string.h>

#include "elbow/base/options.h"

enum { LONGEST_NAME = 64 };

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* Optimal string alignment: insert, delete, replace, or swap two neighbours, each one edit. Rows of the usual
 * table, three at a time: `two` is i-2, `one` is i-1. */
static size_t edits(const char *a, const char *b) {
    size_t n = strlen(a), m = strlen(b);
    if (n > LONGEST_NAME || m > LONGEST_NAME) return SIZE_MAX;
    size_t rows[3][LONGEST_NAME + 1];
    size_t *two = rows[0], *one = rows[1], *now = rows[2];
    for (size_t j = 0; j <= m; j++) one[j] = j;
    for (size_t i = 1; i <= n; i++) {
        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            now[j] = least(least(one[j], now[j - 1]) + 1, one[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], two[j - 2] + 1);
        }
        size_t *spare = two;
        two = one;
        one = now;
        now = spare;
    }
    return one[m];
}

const char *elbow_nearest_name(const char *word, const char *const *names, size_t count) {
    const char *nearest = NULL;
    size_t length = strlen(word), fewest = SIZE_MAX;
    for (size_t i = 0; i < count; i++) {
        size_t distance = edits(word, names[i]), allowed = 1 + least(length, strlen(names[i])) / 4;
        /* A beginning is near too: `learning` for `learning_rate`, `gumbel` for `gumbel-softmax`. */
        if (length >= 3 && strncmp(word, names[i], length) == 0) distance = least(distance, allowed);
        if (distance <= allowed && distance < fewest) {
            fewest = distance;
            nearest = names[i];
        }
    }
    return nearest;
}
