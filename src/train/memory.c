#include "train/memory.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "elbow/base/arena.h"
#include "elbow/base/log.h"
#include "elbow/train/evaluate.h"
#include "store/saver.h"
#include "train/advice.h"

elbow_memory elbow_memory_of(const elbow_run *run) {
    size_t begin = 0, end = 0, slots = elbow_optimizer_slots(run->optimizer);
    size_t exchanged = elbow_exchange_bytes(run->exchange);
    const elbow_params *params = elbow_vae_params(run->vae);
    elbow_exchange_owned(run->exchange, &begin, &end);
    elbow_memory memory = {
        .parameters = elbow_exchange_parameter_bytes(run->exchange),
        .moments = slots * (end - begin) * sizeof(real),
        .activations = elbow_vae_bytes(run->vae),
        .data = elbow_loader_bytes(run->loader) + elbow_arena_bytes(run->arena),
    };
    memory.gradients = exchanged - memory.parameters;
    for (int split = 0; split < ELBOW_SPLITS; split++)
        if (run->evaluators[split]) memory.data += elbow_evaluator_bytes(run->evaluators[split]);
    if (run->world->rank == 0)
        memory.snapshot = elbow_saver_bytes(params, slots, run->options->checkpoint.background);
    return memory;
}

size_t elbow_memory_lasting(const elbow_run *run) {
    size_t sets = 1 + elbow_optimizer_slots(run->optimizer);
    return sets * elbow_vae_params(run->vae)->size * sizeof(real);
}

size_t elbow_memory_total(const elbow_memory *m) {
    return m->parameters + m->gradients + m->moments + m->activations + m->data + m->snapshot;
}

static void warn(void *context, const char *text) {
    (void)context;
    elbow_warn("%s", text);
}

elbow_status elbow_memory_warn(const elbow_run *run) {
    elbow_world *world = run->world;
    void *needs = NULL;
    const elbow_memory memory = elbow_memory_of(run);
    elbow_need need = {.node = world->node,
                       .bytes = (double)elbow_memory_total(&memory) + ELBOW_MEMORY_LIBRARIES,
                       .limit = elbow_memory_bytes()};
    snprintf(need.host, sizeof need.host, "%s", world->host);
    ELBOW_TRY(elbow_world_gather_new(world, &need, sizeof need, &needs));
    if (world->rank == 0) elbow_advise_memory(needs, (size_t)world->size, warn, NULL);
    free(needs);
    return ELBOW_OK;
}
