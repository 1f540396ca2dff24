/* How good samples are, by counting: how many differ from each other, how many are not copies of training examples,
 * and of molecules how many are such. For data that can be told apart exactly: sequences, tables of categorical
 * columns, and images of two values. Local. */
#ifndef ELBOW_TRAIN_QUALITY_H
#define ELBOW_TRAIN_QUALITY_H

#include "elbow/data/loader.h"
#include "elbow/vae/vae.h"

typedef struct elbow_quality {
    size_t samples, distinct;
    size_t compared, novel; /* training examples; distinct samples that are none of them */
    bool molecules;         /* what follows is of texts of SMILES only */
    size_t valid, distinct_valid, novel_valid;
    const char *why; /* the first that is not valid is not; NULL: all are */
    size_t bad;      /* which that is */
} elbow_quality;

/* Whether symbols are SMILES by the look of them. */
bool elbow_quality_molecular(const elbow_field *field);

/* Whether what the model makes can be counted so, of data that training binarises like that: ELBOW_USAGE where examples
 * are never the same twice, or are not sequences and should be molecules. */
elbow_status elbow_quality_check(const elbow_vae *vae, elbow_binarize binarize, bool molecules);

/* Of samples that elbow_quality_check lets pass, against the first `limit` training examples, 0: all. `molecules`: their
 * texts are SMILES. */
elbow_status elbow_quality_measure(elbow_quality *quality, const elbow_examples *samples,
                                   const elbow_view *view, size_t limit, bool molecules);

#endif
