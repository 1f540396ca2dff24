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

/* Cores that this process might use if nobody had bound it: those of its cpuset (a job's, a container's); 0 where unknown. */
int elbow_cores_granted(void);

/* The first hardware thread of each core that has one in `mask`: as many bits as there are whole cores in it. Where
 * nothing is known of a core (under `root`, as below), its own bit. */
void elbow_cores_whole(const uint64_t mask[ELBOW_CORE_WORDS], uint64_t whole[ELBOW_CORE_WORDS],
                       const char *root);

/* Cores' worth of time that this process's control group may use, the least of its own and its parents' (a container's
 * or a batch system's limit, cpu.max of cgroup v2); 0 where there is none. Under `root`, NULL meaning the system's own:
 * tests have another, with proc/self/cgroup and sys/fs/cgroup in it. */
double elbow_cores_quota(const char *root);

#endif
