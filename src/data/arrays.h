/* Arrays of numbers, one example after the other, whatever file they come from: → images or tables, and labels.
 *
 *     (N, H, W), (N, H, W, C)          images: bytes as they are, reals in [0, 1] times 255, integers from 0 to 255
 *     (N, D), (N) of bytes             images of height 1, or of --shape
 *     (N, D), (N) of reals             a real table, standardised unless --as-is; NaN is missing; or images of --shape
 *     (N, D), (N) of integers          a categorical table, its words the numbers; or images of --shape
 *
 * A member of this small family opens arrays; elbow_import_arrays does the rest, with the flags that it shares. Local. */
#ifndef ELBOW_SRC_DATA_ARRAYS_H
#define ELBOW_SRC_DATA_ARRAYS_H

#include <stdbool.h>
#include <stddef.h>

#include "data/import_common.h"

typedef enum elbow_array_kind { ELBOW_ARRAY_BYTES, ELBOW_ARRAY_INTEGERS, ELBOW_ARRAY_REALS } elbow_array_kind;

enum { ELBOW_ARRAY_DIMENSIONS = 4 };

typedef struct elbow_array {
    char name[1200]; /* for messages: "x.npy", "data.h5: /x" */
    elbow_array_kind kind;
    size_t dims, size[ELBOW_ARRAY_DIMENSIONS];
    size_t row; /* values of an example; set by elbow_import_arrays */
    void *self; /* the opener's; NULL: there is no such array */
} elbow_array;

typedef struct elbow_array_ops {
    /* Opens x or y of a split (of an input to be cut: ELBOW_TRAIN), and sets all but `row`; self stays NULL where there are
     * no labels. It begins at its first example. */
    elbow_status (*open)(elbow_array *array, const elbow_import_request *request, elbow_split split,
                         elbow_part part);
    void (*close)(elbow_array *array);
    /* The next rows. They are there: the shape says so, or ELBOW_FORMAT. */
    elbow_status (*read)(elbow_array *array, size_t rows, double *values);
    /* After the last row; ELBOW_FORMAT where the array goes on. */
    elbow_status (*end)(elbow_array *array);
} elbow_array_ops;

/* Flags that the importers of arrays share; each lists them among its own. */
#define ELBOW_ARRAY_FLAGS                                                                                    \
    {"--shape", "HxW[xC]", NULL, "the rows of x are images of this size"},                                   \
        {"--channels", "WORD", "last", "of images: last is (N, H, W, C), first is (N, C, H, W)"}, {          \
        "--as-is", NULL, NULL, "reals are not standardised"                                                  \
    }

elbow_status elbow_import_arrays(const elbow_import_request *request, const elbow_array_ops *ops);

#endif
