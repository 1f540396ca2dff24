/* What a run would meet, before it is started: `elbow doctor`.
 *
 * Looks at the launch, the options, the data, the machine and the place where the run would be; then makes the run in a
 * directory of its own there, trains it for a few steps, evaluates and saves it once, says what all of the real one will
 * take, and leaves nothing behind. */
#ifndef ELBOW_TRAIN_DOCTOR_H
#define ELBOW_TRAIN_DOCTOR_H

#include "elbow/base/options.h"
#include "elbow/parallel/world.h"

typedef enum elbow_finding {
    ELBOW_FINDING_FINE,
    ELBOW_FINDING_WARNING, /* it would run: what costs time or safety, and the mend */
    ELBOW_FINDING_FAILED   /* it would not, or not to its end: why, and the mend */
} elbow_finding;

/* `subject` is a word: launch, config, data, … */
typedef void elbow_doctor_say(void *context, elbow_finding finding, const char *subject, const char *text);

typedef struct elbow_doctor {
    const char *out;       /* where the run's directory would be; NULL: in the working directory */
    double seconds;        /* to train for, about; three steps at the least */
    elbow_doctor_say *say; /* called on rank 0 */
    void *context;
} elbow_doctor;

/* Takes ownership of the options. Fails only where the ranks cannot go on together: what is found goes to `say`.
 * ELBOW_STOPPED where a signal (stop.h) comes. Collective. */
elbow_status elbow_doctor_examine(const elbow_doctor *doctor, elbow_world *world, elbow_options *options);

#endif
