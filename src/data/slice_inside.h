/* What slice.c and gather.c share. Nobody else includes this. */
#ifndef ELBOW_SRC_DATA_SLICE_INSIDE_H
#define ELBOW_SRC_DATA_SLICE_INSIDE_H

#include "data/dataset_inside.h"
#include "data/slice.h"

struct elbow_slice {
    elbow_dataset *dataset;
    elbow_split split;
    elbow_part part;
    const elbow_field *field; /* the data set's */
    elbow_h5_type type;
    size_t count, room; /* examples there are, and can be */
    size_t token_room;  /* likewise */
    union {
        void *values;    /* (room, D) of `type`; of sequences, the tokens (token_room) */
        uint8_t *bytes;  /* pixels, labels */
        uint16_t *codes; /* columns, tokens */
        float *reals;
    };
    uint64_t *offsets; /* (room + 1) of sequences, relative to the first token here */
    /* Of images, for random bits: words (D, and up to a whole block), and which blocks of four. */
    uint32_t *words, *blocks;
};

#endif
