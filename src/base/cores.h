/* The cores that this process may use. Local. */
#ifndef ELBOW_SRC_BASE_CORES_H
#define ELBOW_SRC_BASE_CORES_H

#include <stddef.h>
#include <stdint.h>

/* Cores that this process may use, and that the node has; 0 where unknown. */
int elbow_cores_bound(void);
int elbow_cores_online(void);

/* Words of 64 bits of the affinity mask, bit c % 64 of word c / 64 being core c: all 0 where unknown. */
enum { ELBOW_CORE_WORDS = 16 };
void elbow_cores_mask(uint64_t mask[ELBOW_CORE_WORDS]);

/* Cores' worth of time that this process's control group may use, the least of its own and its parents' (a container's
 * or a batch system's limit, cpu.max of cgroup v2); 0 where there is none. Under `root`, NULL meaning the system's own:
 * tests have another, with proc/self/cgroup and sys/fs/cgroup in it. */
double elbow_cores_quota(const char *root);

#endif
