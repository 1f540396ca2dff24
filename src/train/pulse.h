/* Whether a run moves: a pulse that the thread that trains beats, and a thread that feels it.
 *
 * The thread that trains notes each phase it begins; calls that may wait for other ranks note themselves
 * (parallel/waits.h). That costs a store or two a phase. Beside it, on every rank, a watchdog sleeps between looks. It
 * calls no MPI, takes no signals, and changes nothing of the run. A rank is
 *
 *     moving     its pulse has changed within half of parallel.timeout
 *     waiting    it has not, within a call that waits for other ranks
 *     stuck      it has not for parallel.timeout, and waits for nobody
 *
 * Reading and writing beat too: in phases that do it, a megabyte counts, and they have more time: ten seconds, and a
 * checkpoint's bytes at 20 MB/s. Whatever takes long beats while it moves: shards of a step, draws of an evaluation.
 *
 * What ends a run. A rank whose pulse has stood for parallel.timeout, waiting or stuck, raises an alarm in
 * DIRECTORY/hang, which all watchdogs look for; they answer with how their rank is, and again when that changes. After a
 * grace (a few seconds, and an eighth of the timeout, in which a network file system shows files) the lowest of those that
 * raised it judges by the answers:
 *
 *     some rank is stuck                           the run is over: it names those
 *     nobody moves, and some rank is silent        over: that process is stopped (no watchdog answers), or its node gone
 *     nobody moves, all wait                       over: messages between them do not arrive
 *     some rank moves, or cannot be asked          the alarm is withdrawn, and raised again after the next timeout
 *
 * A rank that only waits never ends the run: others may rightly keep it waiting for as long as they move. Of a run that is
 * over, one message goes to stderr, the state becomes `failed`, and every process leaves with exit code 1; the launcher
 * ends those that cannot. A rank that moves again before that takes its alarm back. Time in which the process itself was
 * stopped (a suspended job) does not count.
 *
 * Where ranks do not see the directory (node-local disks; before it is made) they speak for themselves: a stuck one says
 * so on stderr and ends, one that waits only says so. Where the file system itself hangs, nothing ends before it moves.
 *
 * An orphan, a process whose launcher has died, ends at once: nothing else would end it, and the next life of the run
 * must not find it writing. */
#ifndef ELBOW_SRC_TRAIN_PULSE_H
#define ELBOW_SRC_TRAIN_PULSE_H

#include "elbow/parallel/world.h"
#include "elbow/train/evaluate.h"
#include "elbow/train/step.h"

typedef struct elbow_pulse elbow_pulse;

/* What a rank is doing: a phase of a step, or */
typedef enum elbow_pulse_phase {
    ELBOW_PULSE_BETWEEN = ELBOW_PHASES, /* steps: records, lines, metrics.h5 */
    ELBOW_PULSE_START,                  /* reading the data, building the model */
    ELBOW_PULSE_EVALUATION,
    ELBOW_PULSE_CHECKPOINT,
    ELBOW_PULSE_PICTURES,
    ELBOW_PULSE_PHASES
} elbow_pulse_phase;

/* "the estimator", "the evaluation": as in "has been in …". */
const char *elbow_pulse_phase_name(int phase);

/* Begins to watch, in phase START. Ranks learn each other's hosts. `timeout` in seconds, 0: only orphans end.
 * Collective. */
elbow_status elbow_pulse_create(elbow_pulse **pulse, elbow_world *world, double timeout);

/* From here on ranks tell each other how they are, in the run's directory; what an earlier life left there is removed.
 * `bytes`: of a checkpoint. Nothing where pulse is NULL. Collective. */
elbow_status elbow_pulse_share(elbow_pulse *pulse, const char *directory, double bytes);

/* Ends the watch: nothing ends the process from here on. Local. */
void elbow_pulse_destroy(elbow_pulse **pulse);

/* A phase (elbow_phase or elbow_pulse_phase) of a step begins; or the one that is on has moved. Local, for the thread that
 * trains; nothing happens where pulse is NULL. */
void elbow_pulse_set(elbow_pulse *pulse, int phase, int64_t step);
void elbow_pulse_move(elbow_pulse *pulse);

/* The host of a rank. */
const char *elbow_pulse_host(const elbow_pulse *pulse, size_t rank);

/* Draws of the evaluator beat. Local. */
void elbow_evaluator_beats(elbow_evaluator *evaluator, elbow_pulse *pulse);

#endif
