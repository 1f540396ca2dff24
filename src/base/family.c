#include "base/family.h"

#include <stdio.h>
#include <string.h>

#include "elbow/base/options.h"

enum { MOST_MEMBERS = 64 };

/* A pointer to a struct is, converted, a pointer to its first element (C17 6.7.2.1): here the name. */
static const char *name_of(const void *members, size_t i) {
    const void *member = NULL;
    const char *name = NULL;
    memcpy(&member, (const char *)members + i * sizeof member, sizeof member);
    memcpy(&name, member, sizeof name);
    return name;
}

elbow_status elbow_family_find(const void *members, size_t count, const char *what, const char *word,
                               size_t *index) {
    const char *names[MOST_MEMBERS];
    char known[512] = "";
    for (size_t i = 0; i < count && i < MOST_MEMBERS; i++) {
        names[i] = name_of(members, i);
        *index = i;
        if (strcmp(names[i], word) == 0) return ELBOW_OK;
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", names[i]);
    }
    *index = 0;
    const char *nearest = elbow_nearest_name(word, names, count);
    if (nearest == NULL || count == 1)
        return elbow_fail(ELBOW_USAGE, "`%.60s` is no %s; known: %s", word, what, known);
    return elbow_fail(ELBOW_USAGE, "`%.60s` is no %s; did you mean `%s`? Known: %s", word, what, nearest,
                      known);
}
