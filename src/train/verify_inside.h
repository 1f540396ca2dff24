/* What the parts of elbow_verify share. All functions are Local. */
#ifndef ELBOW_SRC_TRAIN_VERIFY_INSIDE_H
#define ELBOW_SRC_TRAIN_VERIFY_INSIDE_H

#include <stddef.h>

#include "elbow/store/checkpoint.h"
#include "elbow/store/metrics.h"
#include "elbow/train/verify.h"

enum { ELBOW_VERIFY_TEXT = 512 };

/* Says one file of a verification. Returns ELBOW_MEMORY for that status, else ELBOW_OK: what is wrong has been said. */
typedef struct elbow_verification {
    elbow_verify_say *say;
    void *context;
} elbow_verification;
elbow_status elbow_verify_conclude(const elbow_verification *v, const char *path, double began,
                                   elbow_status status, const char *text);
void elbow_verify_note(const elbow_verification *v, const char *path, const char *text);

/* Reads a checkpoint and checks all that it says of itself; `text` becomes what it is. *checkpoint is the caller's.
 * ELBOW_FORMAT, ELBOW_MISMATCH, ELBOW_NUMERIC say what is wrong. */
elbow_status elbow_verify_checkpoint(elbow_checkpoint **checkpoint, const char *path,
                                     char text[ELBOW_VERIFY_TEXT]);

/* Steps that grow, no row twice, finite numbers; no row after `step`, where that is not negative. `subject` is the file. */
elbow_status elbow_verify_metrics(const elbow_metrics *metrics, int64_t step, const char *subject);

/* Whether `part`, of the file `subject`, is how `whole` begins, time aside; *behind: rows that `whole` lacks. */
elbow_status elbow_verify_history(const elbow_metrics *part, const elbow_metrics *whole, const char *subject,
                                  size_t *behind);

/* "14 MB" */
const char *elbow_verify_size(char text[32], const char *path);

elbow_status elbow_verify_run(const elbow_verification *v, const char *directory);

#endif
