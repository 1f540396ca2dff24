/* What the letters of biological sequences are (IUPAC-IUB 1984). Local. */
#ifndef ELBOW_SRC_DATA_ALPHABET_H
#define ELBOW_SRC_DATA_ALPHABET_H

#include <stdbool.h>

#include "elbow/base/error.h"

typedef struct elbow_alphabet {
    const char *name;    /* "dna" */
    const char *symbols; /* what every vocabulary of it has, in this order; "": any letter as it stands */
    const char *rare; /* further symbols, for vocabularies that need them: a gap, a stop, rare amino acids */
    const char *ambiguous; /* what stands for one of several symbols */
} elbow_alphabet;

/* dna, rna, protein, any. NULL and ELBOW_USAGE with the nearest known name. */
elbow_status elbow_alphabet_find(const char *name, const elbow_alphabet **alphabet);

/* The letter as the alphabet writes it, that is in capitals; 0 where it is none of it. */
char elbow_alphabet_letter(const elbow_alphabet *alphabet, char c);
bool elbow_alphabet_is_ambiguous(const elbow_alphabet *alphabet, char letter);

#endif
