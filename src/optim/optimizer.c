#include <stdlib.h>

#include "base/family.h"
#include "elbow/base/arena.h"
#include "optim/optimizer_ops.h"

static size_t slots_of(const elbow_optimizer *optimizer) {
    return optimizer->ops->slots + (optimizer->average > 0);
}

static const elbow_optimizer_ops *const optimizers[] = {
    &elbow_optimizer_adam,
    &elbow_optimizer_radam,
    &elbow_optimizer_sgd,
};

elbow_status elbow_optimizer_create(elbow_optimizer **out, const elbow_options *options, size_t begin,
                                    size_t end) {
    *out = NULL;
    size_t i = 0;
    elbow_status status = ELBOW_FAMILY_FIND(optimizers, "optimizer", options->optimizer.name, &i);
    if (status != ELBOW_OK) return elbow_options_blame(options, "optimizer.name", status);
    const elbow_optimizer_ops *ops = optimizers[i];
    elbow_optimizer *optimizer = calloc(1, sizeof *optimizer);
    ELBOW_CHECK(optimizer != NULL, ELBOW_MEMORY, "no memory for an optimizer");
    optimizer->ops = ops;
    optimizer->begin = begin;
    optimizer->count = end - begin;
    optimizer->pace = 1;
    optimizer->beta1 = options->optimizer.beta1;
    optimizer->beta2 = options->optimizer.beta2;
    optimizer->epsilon = options->optimizer.epsilon;
    optimizer->momentum = options->optimizer.momentum;
    optimizer->nesterov = options->optimizer.nesterov;
    optimizer->weight_decay = options->optimizer.weight_decay;
    optimizer->average = options->optimizer.average;
    for (size_t s = 0; s < slots_of(optimizer) && status == ELBOW_OK; s++)
        status = elbow_aligned_reals(optimizer->count, &optimizer->slots[s]);
    if (status != ELBOW_OK) elbow_optimizer_destroy(&optimizer);
    *out = optimizer;
    return status;
}

void elbow_optimizer_destroy(elbow_optimizer **optimizer) {
    if (*optimizer == NULL) return;
    for (size_t s = 0; s < OPTIMIZER_SLOTS; s++) free((*optimizer)->slots[s]);
    free(*optimizer);
    *optimizer = NULL;
}

void elbow_optimizer_share(elbow_optimizer *optimizer, elbow_team *team) { optimizer->team = team; }

static size_t within(const elbow_optimizer *optimizer, size_t parameter) {
    size_t at = parameter > optimizer->begin ? parameter - optimizer->begin : 0;
    return at < optimizer->count ? at : optimizer->count;
}

void elbow_optimizer_pace(elbow_optimizer *optimizer, size_t begin, size_t end, double factor) {
    optimizer->paced_begin = within(optimizer, begin);
    optimizer->paced_end = within(optimizer, end);
    optimizer->pace = factor;
}

/* Some of the parameters, by an optimizer that is that part of the whole: no bit depends on where it is cut. */
static void step_part(const elbow_optimizer *optimizer, size_t begin, size_t end, int64_t t,
                      double learning_rate, real scale, real *gradient, real *parameters) {
    elbow_optimizer part = *optimizer;
    if (begin == end) return;
    part.count = end - begin;
    for (size_t s = 0; s < part.ops->slots; s++) part.slots[s] += begin;
    part.ops->step(&part, t, learning_rate, scale, gradient + begin, parameters + begin);
}

void elbow_optimizer_step(elbow_optimizer *optimizer, int64_t t, double learning_rate, real scale,
                          real *gradient, real *parameters) {
    size_t begin = optimizer->paced_begin, end = optimizer->paced_end;
    if (begin == end || optimizer->pace == 1) begin = end = optimizer->count;
    step_part(optimizer, 0, begin, t, learning_rate, scale, gradient, parameters);
    step_part(optimizer, begin, end, t, learning_rate * optimizer->pace, scale, gradient, parameters);
    step_part(optimizer, end, optimizer->count, t, learning_rate, scale, gradient, parameters);
    double rising = (double)(1 + t) / (double)(10 + t);
    if (optimizer->average > 0)
        elbow_average_update(optimizer, optimizer->average < rising ? optimizer->average : rising,
                             parameters);
}

bool elbow_optimizer_averages(const elbow_optimizer *optimizer) { return optimizer->average > 0; }

const char *elbow_optimizer_name(const elbow_optimizer *optimizer) { return optimizer->ops->name; }
size_t elbow_optimizer_slots(const elbow_optimizer *optimizer) { return slots_of(optimizer); }

const char *elbow_optimizer_slot_name(const elbow_optimizer *optimizer, size_t slot) {
    return slot < optimizer->ops->slots ? optimizer->ops->slot_names[slot] : ELBOW_AVERAGE_SLOT;
}

real *elbow_optimizer_slot(elbow_optimizer *optimizer, size_t slot) { return optimizer->slots[slot]; }
