/* What the ranks of a run that has come to a stand tell each other, and what follows from it. See train/pulse.h.
 *
 *     DIRECTORY/hang/alarm-R     rank R has not moved for parallel.timeout, and asks all how they are
 *     DIRECTORY/hang/rank-R      the answer of rank R
 *     DIRECTORY/hang/verdict     the run is over: every process that sees it leaves
 *
 * Files, because MPI is what may hang, and is not for several threads. All functions are Local, and for one thread of a
 * process. */
#ifndef ELBOW_SRC_TRAIN_HANG_H
#define ELBOW_SRC_TRAIN_HANG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elbow/base/error.h"

typedef enum elbow_hang_state {
    ELBOW_HANG_SILENT, /* no answer */
    ELBOW_HANG_APART,  /* it does not see the directory, and cannot be asked */
    ELBOW_HANG_MOVES,
    ELBOW_HANG_WAITS, /* for other ranks, in a call of MPI */
    ELBOW_HANG_STUCK, /* it waits for nobody, and has not moved for parallel.timeout */
} elbow_hang_state;

/* How a rank is. */
typedef struct elbow_hang_report {
    elbow_hang_state state;
    int phase; /* elbow_pulse_phase */
    int64_t step;
    double seconds; /* without a move */
    char thread;    /* that trains: R, S, D … as the kernel has it; T: stopped; 0 or '?' unknown */
    bool alarmed;   /* it has asked */
} elbow_hang_report;

/* Of every rank, known from the start. */
typedef struct elbow_hang_rank {
    char host[64];
    long process;
    bool apart; /* does not see the directory */
} elbow_hang_rank;

enum { ELBOW_HANG_MESSAGE = 2048 };

typedef enum elbow_hang_verdict { ELBOW_HANG_GOES_ON, ELBOW_HANG_IS_OVER } elbow_hang_verdict;

/* What the answers of all ranks mean. Over: where a rank is stuck; or nobody moves, and somebody does not answer, or all
 * wait for each other. Else some rank moves, or cannot be asked, and the run goes on. `message`: which ranks the others
 * wait for, since when, where, and what to do; of a run that goes on, why ("" where a rank moves). */
elbow_hang_verdict elbow_hang_judge(char message[ELBOW_HANG_MESSAGE], const elbow_hang_rank *ranks,
                                    const elbow_hang_report *reports, size_t count, double timeout,
                                    const char *directory);

/* One rank's part of such a message: "rank 3 on n2 (process 4711) has been in the estimator of step 1200 for 600 s". */
void elbow_hang_describe(char *text, size_t room, size_t rank, const elbow_hang_rank *who,
                         const elbow_hang_report *report);

/* "ranks 0-2, 4" of those that are `wanted`; "rank 4" of one. */
void elbow_hang_list(char *text, size_t room, const bool *wanted, size_t count);

/* Whether anybody has raised an alarm; whether there is a verdict. */
bool elbow_hang_asked(const char *directory);
bool elbow_hang_decided(const char *directory);

/* Writes this rank's alarm and answer, or the answer alone; takes both back. ELBOW_IO. */
elbow_status elbow_hang_write(const char *directory, size_t rank, const elbow_hang_report *report);
void elbow_hang_withdraw(const char *directory, size_t rank);

/* Takes the answer back where it is no longer asked for; the directory goes with the last. */
void elbow_hang_forget(const char *directory, size_t rank);

/* The answers of all ranks so far, into reports (count); of silent ones on this `host`, what the kernel tells. */
void elbow_hang_collect(const char *directory, const char *host, const elbow_hang_rank *ranks,
                        elbow_hang_report *reports, size_t count);

/* The state letter in a /proc/…/stat; '?' where there is none. */
char elbow_hang_kernel_state(const char *stat_file);

/* Writes the verdict, and the state of the run: failed, and why. */
void elbow_hang_decide(const char *directory, const char *message);

/* Removes what an earlier life left. */
void elbow_hang_clear(const char *directory);

#endif
