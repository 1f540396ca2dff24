/* A molecule as its text says it: what smiles_check.c reads and smiles_valence.c judges. */
#ifndef ELBOW_SRC_DATA_SMILES_GRAPH_H
#define ELBOW_SRC_DATA_SMILES_GRAPH_H

#include <stdbool.h>
#include <stddef.h>

enum { SMILES_ATOMS = 1024, SMILES_BONDS = 2 * SMILES_ATOMS, SMILES_AROMATIC = 0 };

typedef struct smiles_atom {
    char element[3]; /* as of the table of elements: "C", "Cl"; "*" is any */
    bool aromatic, bracket;
    int hydrogens, charge; /* of brackets */
} smiles_atom;

typedef struct smiles_bond {
    int a, b, order; /* 1 to 4, or SMILES_AROMATIC */
} smiles_bond;

typedef struct smiles_graph {
    int atoms, bonds;
    smiles_atom atom[SMILES_ATOMS];
    smiles_bond bond[SMILES_BONDS];
} smiles_graph;

/* NULL where all is well, else the reason why not. */
const char *elbow_smiles_judge(smiles_graph *graph);

#endif
