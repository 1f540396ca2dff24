#include "train/memory.h"

#include "elbow/base/arena.h"
#include "elbow/train/evaluate.h"
#include "store/saver.h"

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

size_t elbow_memory_total(const elbow_memory *m) {
    return m->parameters + m->gradients + m->moments + m->activations + m->data + m->snapshot;
}
