/* Optimizers: a family. A member is one file that ends in its table, and one line in optimizer.c's list. */
#ifndef ELBOW_SRC_OPTIM_OPTIMIZER_OPS_H
#define ELBOW_SRC_OPTIM_OPTIMIZER_OPS_H

#include "elbow/optim/optimizer.h"

enum { OPTIMIZER_SLOTS = 4 }; /* of a member and, after its own, the average of the parameters */

typedef struct elbow_optimizer_ops {
    const char *name;
    const char *reads; /* options that only some members read, "optimizer.beta1 …"; NULL: none */
    size_t slots;
    const char *slot_names[OPTIMIZER_SLOTS];
    void (*step)(elbow_optimizer *optimizer, int64_t t, double learning_rate, real scale, real *gradient,
                 real *parameters);
} elbow_optimizer_ops;

struct elbow_optimizer {
    const elbow_optimizer_ops *ops;
    size_t begin, count;           /* parameters that it updates */
    size_t paced_begin, paced_end; /* of those, from 0 on: what learns at pace × the rate */
    double pace;
    elbow_team *team; /* the caller's, or NULL */
    double beta1, beta2, epsilon, momentum, weight_decay;
    bool nesterov;
    double average;               /* its decay; 0: there is none */
    real *slots[OPTIMIZER_SLOTS]; /* (count) each */
};

/* One step of the average of the parameters, by its decay. Local. */
void elbow_average_update(elbow_optimizer *optimizer, double decay, const real *parameters);

extern const elbow_optimizer_ops elbow_optimizer_adam, elbow_optimizer_radam, elbow_optimizer_sgd;

#endif
