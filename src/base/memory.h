/* How much memory this machine lets a program have. */
#ifndef ELBOW_SRC_BASE_MEMORY_H
#define ELBOW_SRC_BASE_MEMORY_H

/* Bytes of the node's memory, or of the control group that this process is in (a job's, a container's) where that has
 * less; HUGE_VAL where nobody says. Local. */
double elbow_memory_bytes(void);

#endif
