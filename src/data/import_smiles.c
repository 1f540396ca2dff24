/* Molecules as SMILES, one a line. */
#include "data/field.h"
#include "data/import_list.h"
#include "data/sequences.h"

static elbow_status import_smiles(const elbow_import_request *request) {
    elbow_sequences_how how = {.tokenizer = &elbow_tokenizer_smiles, .first_word = true};
    int64_t longest = 0;
    ELBOW_TRY(elbow_import_integer(request, "--longest", 1, ELBOW_DIMENSIONS_MOST - 1, &longest));
    how.longest = (size_t)longest;
    return elbow_sequences_import(request, &how);
}

static const elbow_import_flag flags[] = {
    {"--longest", "N", NULL, "symbols of a molecule; longer ones are bad rows"},
    {NULL, NULL, NULL, NULL},
};

const elbow_importer elbow_import_smiles = {
    .name = "smiles",
    .summary = "molecules as SMILES, plain or gzip, one a line",
    .input = "FILE",
    .about =
        "Makes sequences of molecules: the first word of every line is one, as SMILES; a name may follow.\n"
        "Cl, Br, an atom in brackets with all that is in it ([nH+]) and a ring closure of two digits (%12) "
        "are\n"
        "one symbol; every other atom, bond, bracket and digit is one. A symbol <end> ends a molecule.\n"
        "The vocabulary is that of the training split: <end>, then by their bytes. Lines of other splits "
        "with a\n"
        "symbol that it lacks are bad rows, as are lines that are not SMILES. Whether rings and branches "
        "close\n"
        "is not checked. Empty lines are left out.\n",
    .examples = "  elbow import smiles qm9.smi.gz --split 0.9,0.05,0.05 -o qm9.h5\n"
                "  elbow import smiles --train train.smi --test test.smi --skip-bad -o molecules.h5\n",
    .takes = ELBOW_IMPORT_SPLITS | ELBOW_IMPORT_CUT | ELBOW_IMPORT_BAD_ROWS,
    .flags = flags,
    .import = import_smiles,
};
