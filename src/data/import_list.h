/* The importers. A new one is a file that ends in its table, a line here, and a line in import.c. */
#ifndef ELBOW_SRC_DATA_IMPORT_LIST_H
#define ELBOW_SRC_DATA_IMPORT_LIST_H

#include "elbow/data/import.h"

extern const elbow_importer elbow_import_csv;
extern const elbow_importer elbow_import_hdf5;
extern const elbow_importer elbow_import_idx;
extern const elbow_importer elbow_import_npy;
extern const elbow_importer elbow_import_png;
extern const elbow_importer elbow_import_text;
extern const elbow_importer elbow_import_fasta;
extern const elbow_importer elbow_import_smiles;

#endif
