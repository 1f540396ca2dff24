/* Importers: files as they come from elsewhere → the one data layout (dataset.h).
 *
 * A family: each member is one file that ends in its table. It says which inputs and flags it takes and what --help
 * prints of it; the rest is common. Inputs are given in one of two ways:
 *
 *     --train A --test B [--valid C]                    a file (or folder) each split
 *     --input A [--split 0.8,0.1,0.1] [--seed 1]        one that is cut: fractions of train, valid and test
 *
 * A cut is exact and depends on nothing but the number of examples, the fractions and the seed: example e of the input
 * has the 64-bit key that is words 0 (low) and 1 of block 0 of the stream (seed, ELBOW_SHARD_NONE, "import.split") at
 * (example = low 32 bits of e, step = high 32 bits). In order of keys (ties: of e) the first round(N · test) examples,
 * at least one, are the test split, the next round(N · valid) the valid one, the rest train. Splits keep the input's order.
 *
 * Images may be cut in two, --context upper: that half becomes what a model is given (the field `context`), and the rest is
 * x. Of an odd number of rows or columns x has the one more.
 *
 * Bad rows are counted and the first ones named, FILE:LINE: what is wrong. They are refused unless skip_bad.
 * The file is written under a temporary name and renamed when complete; a failed import leaves nothing behind. Local;
 * never touches MPI.
 *
 *     elbow_import_request request;
 *     ELBOW_TRY(elbow_import_begin(&request, "csv"));
 *     ELBOW_TRY(elbow_import_set(&request, "--input", "segment.csv.gz"));
 *     ELBOW_TRY(elbow_import_set(&request, "--label", "class"));
 *     ELBOW_TRY(elbow_import_set(&request, "--output", "segment.h5"));
 *     ELBOW_TRY(elbow_import_run(&request));                                                                   */
#ifndef ELBOW_DATA_IMPORT_H
#define ELBOW_DATA_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elbow/base/error.h"
#include "elbow/data/dataset.h"

/* What an importer takes beside its own flags. */
enum {
    ELBOW_IMPORT_SPLITS = 1,   /* --train, --valid, --test */
    ELBOW_IMPORT_CUT = 2,      /* --input, --split, --seed */
    ELBOW_IMPORT_BAD_ROWS = 4, /* --skip-bad */
    ELBOW_IMPORT_HALVES = 8    /* --context, of images */
};

/* The half of an image that becomes the context. */
typedef enum elbow_half {
    ELBOW_HALF_NONE,
    ELBOW_HALF_UPPER,
    ELBOW_HALF_LOWER,
    ELBOW_HALF_LEFT,
    ELBOW_HALF_RIGHT
} elbow_half;

/* A flag of one importer. */
typedef struct elbow_import_flag {
    const char *name;     /* "--delimiter" */
    const char *value;    /* what --help calls its value: "CHARACTER"; NULL: a switch */
    const char *fallback; /* the value where it is not given; NULL: none */
    const char *help;     /* lines after the first are indented by --help */
} elbow_import_flag;

enum { ELBOW_IMPORT_FLAGS = 24 };

typedef struct elbow_importer elbow_importer;

/* What is asked for. The texts are borrowed. */
typedef struct elbow_import_request {
    const elbow_importer *importer;
    const char *inputs[ELBOW_SPLITS]; /* by split; all NULL where `input` is given */
    const char *input;                /* to be cut; else NULL */
    double fractions[ELBOW_SPLITS];   /* of a cut, by split; they add up to 1 */
    uint64_t seed;                    /* of a cut */
    bool cuts;                        /* fractions or seed were given */
    bool skip_bad;
    elbow_half context; /* of images: what is given, the rest being x */
    const char *output;
    bool overwrite; /* replace an existing output */
    const char
        *values[ELBOW_IMPORT_FLAGS]; /* by flag of the importer; "" for a switch that is on; else NULL */
} elbow_import_request;

struct elbow_importer {
    const char *name;               /* "idx" */
    const char *summary;            /* one line, for the list of importers */
    const char *input;              /* what --help calls an input: "IMAGES", "FILE", "FOLDER" */
    const char *about;              /* lines for --help: what is read, and what becomes of it */
    const char *examples;           /* lines for --help: commands */
    unsigned takes;                 /* ELBOW_IMPORT_… */
    const elbow_import_flag *flags; /* ends in a NULL name; NULL: none */
    elbow_status (*import)(const elbow_import_request *request); /* called by elbow_import_run */
};

/* NULL and ELBOW_USAGE with the nearest known name. */
elbow_status elbow_importer_find(const char *name, const elbow_importer **importer);

/* The members, for --help; ends in NULL. */
const elbow_importer *const *elbow_importers(void);

/* A request with everything at its default. ELBOW_USAGE: no such importer. */
elbow_status elbow_import_begin(elbow_import_request *request, const char *importer);

/* Sets what a flag says, a common one or the importer's own; `value` is ignored for switches. ELBOW_USAGE names the
 * nearest flag, or what is wrong with the value. */
elbow_status elbow_import_set(elbow_import_request *request, const char *flag, const char *value);

/* The common flags that an importer takes, for --help and the command line: their number. */
enum { ELBOW_IMPORT_COMMON = 10 };
size_t elbow_import_common(const elbow_importer *importer, elbow_import_flag flags[ELBOW_IMPORT_COMMON]);

/* Checks the request and imports. ELBOW_USAGE, ELBOW_IO, ELBOW_FORMAT, ELBOW_MEMORY. */
elbow_status elbow_import_run(const elbow_import_request *request);

/* ------------------------------------------------------------------------------------ for importers */

/* The value of one of the importer's own flags: as given, else its fallback, which may be NULL. */
const char *elbow_import_value(const elbow_import_request *request, const char *flag);
bool elbow_import_given(const elbow_import_request *request, const char *flag); /* by the user */

/* The value as a number; *value stays where there is none. ELBOW_USAGE names the flag. */
elbow_status elbow_import_integer(const elbow_import_request *request, const char *flag, int64_t least,
                                  int64_t most, int64_t *value);
elbow_status elbow_import_real(const elbow_import_request *request, const char *flag, double least,
                               double most, double *value);

#endif
