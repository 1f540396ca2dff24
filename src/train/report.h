/* What people look at while a run trains: the table at its start, the progress line, plain lines, pictures. */
#ifndef ELBOW_SRC_TRAIN_REPORT_H
#define ELBOW_SRC_TRAIN_REPORT_H

#include "elbow/train/evaluate.h"
#include "elbow/train/step.h"

/* The start table, as rank 0 sees it, and warnings about what costs speed or exactness. Local. */
void elbow_report_start(const elbow_run *run);

/* After every step: the progress line at most ten times a second, or a plain line now and then. Local. */
typedef struct elbow_progress {
    double began;              /* this life */
    int64_t began_step, steps; /* steps seen in this life */
    double drawn, said;        /* when last */
    double elbo, kl, rate;     /* running means, and examples a second */
} elbow_progress;

void elbow_progress_begin(elbow_progress *progress, const elbow_run *run);
void elbow_progress_step(elbow_progress *progress, const elbow_run *run, const elbow_step_report *report,
                         double seconds);

/* A line for an evaluation. Local. */
void elbow_report_evaluation(const elbow_run *run, elbow_split split, const elbow_evaluation *evaluation);

/* "12 s", "3:07", "1:02:03": seconds as people read them. */
void elbow_format_time(char *text, size_t room, double seconds);

/* 1169880 → "1,169,880" */
const char *elbow_format_count(char text[32], size_t number);

/* "6.4 ms", "12.3 s", then as above. */
const char *elbow_format_seconds(char text[32], double seconds);

/* Of a picture of run->step; `name` is samples or reconstructions. */
void elbow_pictures_path(char *path, size_t room, const elbow_run *run, const char *name);

/* Reconstructions and samples of run->step under pictures/, but while a failed checkpoint wants the room. What fails is a
 * warning, once until it works again. Rank 0 draws. Local. */
void elbow_report_pictures(elbow_run *run);

#endif
