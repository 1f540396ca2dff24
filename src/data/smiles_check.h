/* Whether a text is a molecule in SMILES (Weininger 1988; opensmiles.org): one walk over the text, then its graph.
 *
 *     text       atoms, of the organic subset or in brackets with isotope, chirality, hydrogens, charge and class; bonds
 *                between atoms only; branches and rings that close, a ring once between two atoms
 *     valence    no atom has more bonds than its element, with its charge, allows; what is missing of the organic
 *                subset are hydrogens
 *     aromatic   lower-case atoms lie in rings, and double bonds can be placed in them: a perfect matching of those that
 *                need one
 *
 * It knows no geometry and no stability, and takes stereo marks as they are. All functions are Local. */
#ifndef ELBOW_SRC_DATA_SMILES_CHECK_H
#define ELBOW_SRC_DATA_SMILES_CHECK_H

#include <stdbool.h>
#include <stddef.h>

/* why: NULL, or where to put the reason, which lasts, of a text that is none. */
bool elbow_smiles_valid(const char *text, const char **why);

/* Whether every one of the symbols is a token of SMILES and there are carbon and a branch among them. */
bool elbow_smiles_vocabulary(char *const *symbols, size_t count);

#endif
