#include "train/average.h"

/* Those that this rank owns. */
static real *owned(const elbow_run *run) {
    size_t begin = 0, end = 0;
    elbow_exchange_owned(run->exchange, &begin, &end);
    return elbow_exchange_parameters(run->exchange) + begin;
}

void elbow_average_begin(elbow_run *run) { elbow_optimizer_average_begin(run->optimizer, owned(run)); }

elbow_status elbow_average_swap(elbow_run *run) {
    if (!elbow_optimizer_averages(run->optimizer)) return ELBOW_OK;
    elbow_world_barrier(run->world); /* ranks that share parameters have read them */
    elbow_optimizer_average_swap(run->optimizer, owned(run));
    return elbow_exchange_publish(run->exchange);
}
