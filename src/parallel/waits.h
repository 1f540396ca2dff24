/* Whether a rank waits for others: what tells a rank that hangs from those that wait for it. */
#ifndef ELBOW_SRC_PARALLEL_WAITS_H
#define ELBOW_SRC_PARALLEL_WAITS_H

#include <stdint.h>

#include "elbow/parallel/world.h"

/* Goes up by one as a call that may wait for other ranks begins, and again as it ends: odd within one. Local, for any
 * thread. */
uint64_t elbow_world_waits(const elbow_world *world);

#endif
