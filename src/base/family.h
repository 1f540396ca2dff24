/* Families: tables of members that are found by name.
 *
 * A member's table is a struct whose first element is `const char *name`. A family is an array of pointers to
 * them; one file ends in one table, and one line in the family's array adds it:
 *
 *     static const elbow_latent_ops *const latents[] = {&elbow_latent_categorical};
 *
 *     size_t i = 0;
 *     ELBOW_TRY(ELBOW_FAMILY_FIND(latents, "kind of latent", word, &i));
 *     group->latent = latents[i];                                                                          */
#ifndef ELBOW_SRC_BASE_FAMILY_H
#define ELBOW_SRC_BASE_FAMILY_H

#include <stddef.h>

#include "elbow/base/error.h"

/* The index of the member called `word`. ELBOW_USAGE says what is known, and what may be meant. Local. */
#define ELBOW_FAMILY_FIND(family, what, word, index)                                                         \
    elbow_family_find(family, sizeof(family) / sizeof *(family), what, word, index)

/* `members` is the array, of pointers to structs that begin with their name. */
elbow_status elbow_family_find(const void *members, size_t count, const char *what, const char *word,
                               size_t *index);

#endif
