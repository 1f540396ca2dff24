#include "data/alphabet.h"

#include <string.h>

#include "base/family.h"

static const elbow_alphabet dna = {"dna", "ACGT", "-", "BDHKMNRSVWY"};
static const elbow_alphabet rna = {"rna", "ACGU", "-", "BDHKMNRSVWY"};
static const elbow_alphabet protein = {"protein", "ACDEFGHIKLMNPQRSTVWY", "*-OU", "BJXZ"};
static const elbow_alphabet any = {"any", "", "", ""};

static const elbow_alphabet *const alphabets[] = {&dna, &rna, &protein, &any};

elbow_status elbow_alphabet_find(const char *name, const elbow_alphabet **alphabet) {
    size_t i = 0;
    *alphabet = NULL;
    ELBOW_TRY(ELBOW_FAMILY_FIND(alphabets, "alphabet", name, &i));
    *alphabet = alphabets[i];
    return ELBOW_OK;
}

static bool has(const char *letters, char c) { return c != '\0' && strchr(letters, c) != NULL; }

char elbow_alphabet_letter(const elbow_alphabet *alphabet, char c) {
    if (alphabet->symbols[0] == '\0') return (char)(c > ' ' && c < 0x7F ? c : '\0');
    if (c >= 'a' && c <= 'z') c = (char)(c - 'a' + 'A');
    bool known = has(alphabet->symbols, c) || has(alphabet->rare, c) || has(alphabet->ambiguous, c);
    return (char)(known ? c : '\0');
}

bool elbow_alphabet_is_ambiguous(const elbow_alphabet *alphabet, char letter) {
    return has(alphabet->ambiguous, letter);
}
