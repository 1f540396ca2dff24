/* What elbow bench estimators draws gradients with: one batch, and a model for each estimator on it, all with the same
 * weights. */
#ifndef ELBOW_SRC_TRAIN_BENCH_MEMBERS_H
#define ELBOW_SRC_TRAIN_BENCH_MEMBERS_H

#include "train/bench_inside.h"

/* What all of them share. */
typedef struct elbow_bench_subject {
    elbow_world *world;
    const elbow_model *model;
    elbow_arena *arena;
    elbow_dataset *dataset;
    elbow_view view;
    elbow_order_spec order;
    elbow_loader *loader;
    elbow_team *team;
    elbow_batch batch, piece, more; /* all of it; some of its examples; another, to learn from; no labels */
    elbow_examples x, context;      /* the batch, unpacked */
    elbow_objective objective;
    size_t size;     /* the model's parameters without an estimator's; all members begin with them */
    size_t compared; /* those whose gradients are compared, the first ones */
    real *gradients; /* (size, and the most that an estimator has of its own) */
    size_t gradient_room;
} elbow_bench_subject;

elbow_status elbow_bench_subject_create(elbow_bench_subject *subject, elbow_world *world,
                                        const elbow_model *model,
                                        const elbow_bench_estimators_request *request);
void elbow_bench_subject_destroy(elbow_bench_subject *subject);

/* An estimator that takes the model. */
typedef struct elbow_bench_member {
    elbow_bench_subject *subject;
    elbow_vae *vae;
    real *parameters;
    size_t rows;              /* examples at a time: so many that all their draws fit into memory well */
    const char *purpose;      /* of its streams */
    size_t forward, backward; /* decoder rows of all its gradients so far */
} elbow_bench_member;

/* `row` is given what is known before anything is drawn; where the estimator does not take the model, its reason, and no member.
 * samples: estimator.samples; 0: the least that it takes. Local. */
elbow_status elbow_bench_member_create(elbow_bench_member *member, elbow_bench_subject *subject,
                                       const char *name, size_t samples, elbow_bench_estimator *row);
void elbow_bench_member_destroy(elbow_bench_member *member);

/* Its own parameters learn for `steps` batches by Adam, the others stand still. The same on every rank. Local. */
elbow_status elbow_bench_member_tune(elbow_bench_member *member, size_t steps,
                                     void (*progress)(const char *what, size_t done, size_t of));

/* The batch's gradient, number `draw`: (subject->size, and its own), until anyone's next. context: the member. Local. */
const real *elbow_bench_member_draw(void *context, size_t draw);

#endif
