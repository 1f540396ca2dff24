/* What the doctor asks the system. Local. */
#ifndef ELBOW_SRC_TRAIN_DOCTOR_SYSTEM_H
#define ELBOW_SRC_TRAIN_DOCTOR_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>

#include "elbow/base/error.h"

/* Where a file would be. */
typedef struct elbow_place {
    char path[4096]; /* a directory */
    char system[32]; /* "ext4", "NFS", "type 0x1234" */
    bool network;    /* shared by nodes, through a network */
    bool fleeting;   /* gone with the node, or the container */
    double free;     /* bytes that this user may still write; HUGE_VAL where unknown. Quotas do not show */
} elbow_place;

/* Of what is to be made at `path`: the directory that it would be in, or the first above that exists. ELBOW_IO. */
elbow_status elbow_place_find(elbow_place *place, const char *path);

/* Of a file, in bytes; 0 where there is none. */
double elbow_file_bytes(const char *path);

/* Seconds to write `bytes` to a file in the directory, with fsync, and to rename it. ELBOW_IO: it cannot be done. */
elbow_status elbow_place_try(const char *directory, size_t bytes, double *seconds);

/* Bytes that this process had in memory at most, 0 where unknown; and its share of that, where pages that several processes
 * hold are divided among them (as they are divided now). */
typedef struct elbow_held {
    double most, share;
} elbow_held;
elbow_held elbow_held_now(void);

/* Bytes of the node that are free for programs, or HUGE_VAL. */
double elbow_memory_available(void);

/* Bytes free where MPI keeps memory that ranks share, or HUGE_VAL. */
double elbow_shared_memory_free(void);

/* Seconds until Slurm ends this job. NAN: nobody says; *slurm: it is a job. */
double elbow_job_seconds_left(bool *slurm);

/* "1.35 MB", four digits. */
const char *elbow_format_bytes(char text[32], double bytes);

#endif
