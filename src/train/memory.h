/* What a rank holds, by what it is for. */
#ifndef ELBOW_SRC_TRAIN_MEMORY_H
#define ELBOW_SRC_TRAIN_MEMORY_H

#include "elbow/train/run.h"

/* Bytes. Not in them: the program, its libraries (MPI, BLAS, HDF5) and their buffers. */
typedef struct elbow_memory {
    size_t parameters, gradients; /* gradients: with what the exchange sums them in */
    size_t moments, activations, data;
    size_t snapshot; /* on rank 0, from the first checkpoint on */
} elbow_memory;

/* Of this rank. Local. */
elbow_memory elbow_memory_of(const elbow_run *run);

/* Parameters and moments, of all ranks together: what a checkpoint has most of. Local. */
size_t elbow_memory_lasting(const elbow_run *run);

size_t elbow_memory_total(const elbow_memory *memory);

/* What the program, MPI, BLAS and HDF5 take beside that, about. */
#define ELBOW_MEMORY_LIBRARIES 45e6

/* A warning where a node's ranks will hold more than it has, before they touch it all. Collective. */
elbow_status elbow_memory_warn(const elbow_run *run);

#endif
