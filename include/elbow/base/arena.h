/* Memory that is sized at set-up and never touched again until the end.
 *
 * Activations, scratch and every other buffer of a step come from an arena while a run is set up. A step
 * allocates nothing. Blocks are 64-byte aligned and zeroed. */
#ifndef ELBOW_BASE_ARENA_H
#define ELBOW_BASE_ARENA_H

#include <stddef.h>

#include "elbow/base/error.h"
#include "elbow/base/real.h"

typedef struct elbow_arena elbow_arena;

elbow_status elbow_arena_create(elbow_arena **arena);
void elbow_arena_destroy(elbow_arena **arena);

/* count × size zeroed bytes, 64-byte aligned, owned by the arena. `out` is the address of the pointer to set;
 * NULL is put there on failure. count 0 gives a valid pointer. ELBOW_MEMORY, also when the product overflows.
 * Local. */
elbow_status elbow_arena_take(elbow_arena *arena, size_t count, size_t size, void *out);
elbow_status elbow_arena_reals(elbow_arena *arena, size_t count, real **out);

/* Bytes taken so far, for the start table. */
size_t elbow_arena_bytes(const elbow_arena *arena);

/* The same alignment and zeroing for a block with an owner of its own; free() releases it. */
elbow_status elbow_aligned_reals(size_t count, real **out);

#endif
