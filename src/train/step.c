/* One training step. Read this file first: it is the program.
 *
 *     for each shard of this rank:
 *         batch ─▶ encoder ─▶ q(z|x) ─▶ estimator: z, decoder, p(x|z), KL ─▶ gradients, from zero
 *     gradients of all shards ─▶ one sum, in one order ─▶ norm, flags ─▶ clip ─▶ Adam ─▶ new parameters everywhere
 *
 * Nothing here allocates, logs, or touches a file, but about a step whose loss or gradient is no number (nonfinite.h). */
#include "elbow/train/step.h"

#include <math.h>

#include "train/fault.h"
#include "train/nonfinite.h"
#include "train/pulse.h"
#include "train/summary.h"

/* What the step optimises, at the values that schedules give to it. */
static elbow_objective objective_of(const elbow_run *run, const elbow_step_report *report) {
    return (elbow_objective){
        .temperature = (real)report->temperature,
        .beta = (real)report->beta,
        .free_bits = (real)run->options->objective.free_bits,
        .weight = (real)(1 / (double)report->examples),
        .classify = (real)run->options->objective.classify,
    };
}

/* Adds the seconds since *since to the phase that ends, and begins the next one. */
static void lap(elbow_run *run, elbow_step_report *report, elbow_phase ends, int begins, double *since) {
    double now = elbow_now();
    report->phases[ends] += now - *since;
    *since = now;
    elbow_pulse_set(run->pulse, begins, run->step);
}

/* A shard whose gradient is being completed. */
typedef struct completing {
    elbow_exchange *exchange;
    size_t shard;
} completing;

static void tell_exchange(void *context, size_t begin, size_t end) {
    const completing *c = context;
    elbow_exchange_ready(c->exchange, c->shard, begin, end);
}

/* The gradient of one shard: local ELBO, own streams. */
static void shard_gradient(elbow_run *run, size_t shard, size_t epoch_step, const elbow_objective *objective,
                           elbow_step_report *report, double *since) {
    elbow_terms terms;
    elbow_pass pass = {
        .parameters = elbow_exchange_parameters(run->exchange),
        .seed = run->order.seed,
        .shard = shard,
        .step = (uint64_t)run->step,
        .purpose = "",
        .team = run->team,
    };
    size_t decoder = elbow_vae_split(run->vae), size = elbow_vae_params(run->vae)->size;

    elbow_loader_batch(run->loader, shard, epoch_step, pass.step, &run->batch);
    elbow_faults_batch(run->faults, run->step, &run->batch);
    lap(run, report, ELBOW_PHASE_DATA, ELBOW_PHASE_ENCODER, since);

    pass.gradients = elbow_exchange_begin_shard(run->exchange, shard);
    elbow_faults_gradient(run->faults, run->step, pass.gradients);
    elbow_vae_encode(run->vae, &pass, &run->batch);
    lap(run, report, ELBOW_PHASE_ENCODER, ELBOW_PHASE_ESTIMATOR, since);

    elbow_vae_estimate(run->vae, &pass, objective, &terms);
    elbow_faults_loss(run->faults, run->step, &terms.objective);
    elbow_summary_put_terms(run->summary, shard, &terms);
    if (!isfinite(terms.objective)) elbow_nonfinite_note(run, shard);
    elbow_exchange_ready(run->exchange, shard, decoder, size);
    lap(run, report, ELBOW_PHASE_ESTIMATOR, ELBOW_PHASE_ENCODER, since);

    completing layers = {run->exchange, shard};
    elbow_vae_encode_backward(run->vae, &pass, &(elbow_ready){tell_exchange, &layers});
    lap(run, report, ELBOW_PHASE_ENCODER, ELBOW_PHASE_DATA, since);
}

/* The factor that brings the gradient's norm to clip_norm where it is larger. */
static real clipping(const elbow_run *run, double norm) {
    double most = run->options->optimizer.clip_norm;
    return most > 0 && norm > most ? (real)(most / norm) : 1;
}

elbow_status elbow_step(elbow_run *run, unsigned flags, elbow_step_report *report) {
    size_t first = 0, count = 0, owned_begin = 0, owned_end = 0;
    size_t epoch_step = (size_t)(run->step % run->epoch_steps);
    real *gradient = NULL, *parameters = elbow_exchange_parameters(run->exchange);
    const double *squares = NULL; /* of its blocks */
    const double began = elbow_now();
    double since = began;
    *report = (elbow_step_report){
        .examples = elbow_order_step_examples(&run->order, epoch_step) + run->view.labelled,
        .temperature = elbow_schedule_value(&run->temperature, run->step, run->run_steps),
        .beta = elbow_schedule_value(&run->beta, run->step, run->run_steps),
        .learning_rate = elbow_schedule_value(&run->learning_rate, run->step, run->run_steps),
    };
    elbow_objective objective = objective_of(run, report);
    elbow_pulse_set(run->pulse, ELBOW_PHASE_DATA, run->step);
    elbow_exchange_shards(run->exchange, &first, &count);
    elbow_exchange_owned(run->exchange, &owned_begin, &owned_end);

    elbow_loader_epoch(run->loader, (uint64_t)(run->step / run->epoch_steps));
    for (size_t shard = first; shard < first + count; shard++)
        shard_gradient(run, shard, epoch_step, &objective, report, &since);

    double computed = since - began;
    elbow_pulse_set(run->pulse, ELBOW_PHASE_EXCHANGE, run->step);
    ELBOW_TRY(elbow_exchange_finish(run->exchange, &gradient, &squares));
    lap(run, report, ELBOW_PHASE_EXCHANGE, ELBOW_PHASE_EXCHANGE, &since);
    /* Every rank learns the gradient's norm, the losses of all shards, who wants to stop, and who lacks data. */
    if (elbow_loader_status(run->loader) != ELBOW_OK) flags |= ELBOW_FLAG_DATA;
    ELBOW_TRY(elbow_summary_agree(run->summary, run, flags, computed, squares, report));
    if (report->flags & ELBOW_FLAG_DATA)
        return elbow_world_agree(run->world, elbow_loader_status(run->loader));
    report->finite = isfinite(report->gradient_norm) && isfinite(report->terms.objective);
    if (!report->finite) {
        elbow_pulse_set(run->pulse, ELBOW_PULSE_BETWEEN, run->step);
        return elbow_nonfinite_pass_over(run, report);
    }

    elbow_pulse_set(run->pulse, ELBOW_PHASE_UPDATE, run->step);
    /* The sum and the moments begin at the first parameter that this rank owns. */
    elbow_optimizer_step(run->optimizer, run->step + 1 - run->lag, report->learning_rate,
                         clipping(run, report->gradient_norm), gradient, parameters + owned_begin);
    lap(run, report, ELBOW_PHASE_UPDATE, ELBOW_PHASE_EXCHANGE, &since);
    ELBOW_TRY(elbow_exchange_publish(run->exchange));
    elbow_faults_parameters(run->faults, run->step, parameters);
    lap(run, report, ELBOW_PHASE_EXCHANGE, ELBOW_PULSE_BETWEEN, &since);
    run->step++;
    return ELBOW_OK;
}
