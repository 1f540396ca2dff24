/* The evaluation protocol: which split selects, how long a run may wait for a better evaluation, and the one look at test.
 *
 *     valid and test    each evaluation is of valid, which selects best.h5 and ends the run (train.patience). At the end
 *                       best.h5's weights are evaluated on test, with one-hot draws: the mean of K single-sample −ELBOs, and
 *                       IWAE-K (Burda et al. 2016), K = train.test_samples: a row of /test. train.evaluate_test = always
 *                       evaluates test beside valid too
 *     test alone        each evaluation is of test, which selects
 *
 * What is decided follows from the history (store/metrics.h) and the options, which all ranks and all lives of a run
 * share. */
#ifndef ELBOW_SRC_TRAIN_PROTOCOL_H
#define ELBOW_SRC_TRAIN_PROTOCOL_H

#include "elbow/train/run.h"

/* The split that selects: validation where there is one. */
elbow_split elbow_protocol_selects(const elbow_run *run);
elbow_split elbow_protocol_selected(const elbow_table *evaluation); /* the same, by the rows that there are */

/* Whether evaluations are of the split. */
bool elbow_protocol_evaluates(const elbow_run *run, elbow_split split);

/* How many rows of the split there are since the one with the lowest −ELBO. */
int64_t elbow_protocol_waited(const elbow_table *evaluation, elbow_split split);

/* Whether the run is over: its steps are done, or it has waited for long enough (run->waited). */
bool elbow_protocol_out_of_patience(const elbow_run *run);
bool elbow_protocol_ended(const elbow_run *run);
const char *elbow_protocol_length_key(const elbow_run *run); /* the option that the run's steps follow from */

/* Whether the run, which is over, has not looked at test yet with its best weights and that many draws. */
bool elbow_protocol_test_wanted(const elbow_run *run); /* by the options and splits alone */
bool elbow_protocol_test_due(const elbow_run *run);

/* That look, with a row and a line for it; rank 0 reads best.h5 where the best step is an earlier one. Where that cannot be
 * had, a warning says so, and how to go on. All is as before then but for the row. Nothing is being written. Collective. */
elbow_status elbow_protocol_test(elbow_run *run);

/* Lines on how the run has ended, and on the last look at test. */
void elbow_protocol_say(const elbow_run *run);

#endif
