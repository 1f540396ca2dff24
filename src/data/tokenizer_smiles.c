/* SMILES (opensmiles.org): atoms, bonds, branches and ring closures.
 *
 *     CC(=O)c1ccc(Cl)cc1[N+](=O)[O-]   →   C C ( = O ) c 1 c c c ( Cl ) c c 1 [N+] ( = O ) [O-]
 *
 * `Cl` and `Br`, a bracket atom with all that is in it, and a ring closure of two digits (%12) are one symbol. Whether
 * branches and rings close is not asked here. */
#include <string.h>

#include "data/tokenizer.h"

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

/* What may stand alone: atoms of the organic subset, aromatic ones, bonds, branches, rings, parts of a mixture. */
static bool stands_alone(char c) { return strchr("BCNOPSFIbcnops*-=#$:/\\.()", c) != NULL || is_digit(c); }

/* "[13CH3+:7]": an isotope, then a letter or `*`, then letters, digits, chirality, charge and class. */
static elbow_token bracket_atom(const char *text, size_t length, size_t at) {
    elbow_token token = {.begin = at, .length = 1};
    size_t end = at + 1;
    while (end < length && is_digit(text[end])) end++;
    if (end == length || (!is_letter(text[end]) && text[end] != '*')) {
        token.wrong = "begins no atom";
        return token;
    }
    while (end < length && (is_letter(text[end]) || is_digit(text[end]) ||
                            (text[end] != '\0' && strchr("*@+-:", text[end]) != NULL)))
        end++;
    if (end == length || text[end] != ']')
        token.wrong = "is not closed";
    else
        token.length = end + 1 - at;
    return token;
}

static elbow_token next(const char *text, size_t length, size_t at) {
    elbow_token token = {.begin = at, .length = at < length ? 1 : 0};
    if (at >= length) return token;
    size_t left = length - at;
    const char *here = text + at;
    if (here[0] == '[') return bracket_atom(text, length, at);
    if (left >= 2 && (memcmp(here, "Cl", 2) == 0 || memcmp(here, "Br", 2) == 0))
        token.length = 2;
    else if (left >= 3 && here[0] == '%' && is_digit(here[1]) && is_digit(here[2]))
        token.length = 3;
    else if (here[0] == '\0' || !stands_alone(here[0]))
        token.wrong = "is not SMILES";
    return token;
}

const elbow_tokenizer elbow_tokenizer_smiles = {.name = "smiles", .joiner = "", .line = "\n", .next = next};
