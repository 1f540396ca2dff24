/* A few steps, an evaluation and a checkpoint of a run; and what all of it will take. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "elbow/store/checkpoint.h"
#include "elbow/train/evaluate.h"
#include "elbow/train/stop.h"
#include "train/advice.h"
#include "train/average.h"
#include "train/bench_inside.h"
#include "train/doctor_inside.h"
#include "train/memory.h"
#include "train/pace.h"
#include "train/protocol.h"
#include "train/record.h"
#include "train/report.h"
#include "train/save.h"

enum {
    WARM = 2, /* the first steps touch their memory for the first time */
    LEAST = 3,
    MOST_STEPS = 2000,
    MOST_EVALUATION = 20 /* seconds: beyond, one is reckoned */
};

/* Seconds, and bytes. */
typedef struct measured {
    double step, examples;             /* a step, the median; its examples */
    double evaluation;                 /* of the splits that are evaluated, once */
    double test;                       /* of the look at test at the run's end; reckoned */
    bool reckoned;                     /* it was not measured */
    double checkpoint, still, written; /* bytes; seconds that the loop stands, and until it is on disk */
    double pictures, metrics;          /* bytes: of an evaluation, and of metrics.h5 now */
} measured;

static elbow_status check_signals(elbow_world *world) {
    const char *reason = elbow_stop_reason(NULL, 0, 0);
    return elbow_world_agree(world, reason ? elbow_fail(ELBOW_STOPPED, "%s", reason) : ELBOW_OK);
}

/* As training takes them, for about that long, and no longer than the run. */
static elbow_status take_steps(elbow_run *run, double seconds, measured *m) {
    double *times = malloc(MOST_STEPS * sizeof *times), began = 0;
    size_t count = 0;
    elbow_status status = times ? ELBOW_OK : elbow_fail(ELBOW_MEMORY, "no memory for the times of steps");
    ELBOW_TRY_OR_DONE(elbow_world_agree(run->world, status));
    for (int64_t i = 0; run->step < run->run_steps && count < MOST_STEPS; i++) {
        elbow_step_report report;
        if (i <= WARM) began = elbow_now();
        if (i >= WARM + LEAST && !elbow_bench_goes_on(run->world, began, seconds)) break;
        double start = elbow_now();
        ELBOW_TRY_OR_DONE(check_signals(run->world));
        ELBOW_TRY_OR_DONE(elbow_step(run, 0, &report));
        ELBOW_TRY_OR_DONE(elbow_record_step(run, &report, elbow_now() - start));
        run->seconds = elbow_now() - run->born;
        m->examples = (double)report.examples;
        if (i == 0 || i == WARM) count = 0; /* short runs have no other steps */
        times[count++] = elbow_now() - start;
    }
    m->step = elbow_spread_of(times, count).median;
done:
    free(times);
    return status;
}

/* As after an evaluation: what its pictures take of the disk. Local. */
static void draw(elbow_run *run, measured *m) {
    static const char *const names[] = {"samples", "reconstructions"};
    char path[4096];
    if (run->world->rank != 0 || run->directory[0] == 0) return;
    elbow_report_pictures(run);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        elbow_pictures_path(path, sizeof path, run, names[i]);
        m->pictures += elbow_file_bytes(path);
    }
}

static elbow_status evaluate(elbow_run *run, measured *m) {
    double examples = 0, samples = (double)run->options->train.evaluate_samples;
    for (elbow_split s = ELBOW_VALID; s < ELBOW_SPLITS; s++)
        if (elbow_protocol_evaluates(run, s)) examples += (double)elbow_dataset_count(run->dataset, s);
    /* A step goes there and back: what it takes for as many examples is enough for one draw of each. */
    double reckoned = m->step * examples / fmax(m->examples, 1) * samples;
    m->reckoned = reckoned > MOST_EVALUATION;
    ELBOW_TRY(elbow_world_broadcast(run->world, &m->reckoned, sizeof m->reckoned, 0));
    m->evaluation = reckoned;
    double looks = elbow_protocol_test_wanted(run) ? (double)run->options->train.test_samples *
                                                         (double)elbow_dataset_count(run->dataset, ELBOW_TEST)
                                                   : 0;
    m->test = reckoned / fmax(examples * samples, 1) * looks;
    double began = elbow_now();
    ELBOW_TRY(elbow_average_swap(run));
    draw(run, m);
    m->evaluation += elbow_now() - began;
    if (m->reckoned) return elbow_average_swap(run);
    double drawn = elbow_now();
    bool relaxes = elbow_vae_relaxes(run->vae);
    double temperature = relaxes ? elbow_schedule_value(&run->temperature, run->step, run->run_steps) : 0;
    for (elbow_split split = ELBOW_VALID; split < ELBOW_SPLITS; split++) {
        elbow_evaluation evaluation;
        if (!elbow_protocol_evaluates(run, split)) continue;
        ELBOW_TRY(check_signals(run->world));
        ELBOW_TRY(elbow_evaluate(run->evaluators[split], elbow_exchange_parameters(run->exchange),
                                 temperature, (size_t)samples, false, NULL, &evaluation));
        ELBOW_TRY_ALL(run->world, elbow_record_evaluation(run, split, &evaluation));
        /* The history that checkpoints carry has room for it from now on. */
        if (looks > 0) ELBOW_TRY_ALL(run->world, elbow_record_test(run, run->step, &evaluation));
        looks = 0;
    }
    elbow_record_evaluated(run);
    m->test *= (elbow_now() - drawn) / fmax(reckoned, 1e-9);
    ELBOW_TRY(elbow_average_swap(run));
    m->evaluation = elbow_now() - began;
    return ELBOW_OK;
}

/* Twice: a run's first checkpoint also takes the snapshot's memory. */
static elbow_status save(elbow_run *run, measured *m) {
    elbow_settled settled;
    for (int i = 0; i < 2; i++) {
        double began = elbow_now();
        ELBOW_TRY(elbow_run_save(run, false, run->options->checkpoint.background));
        m->still = elbow_now() - began;
        ELBOW_TRY(elbow_run_settle(run, &settled));
    }
    m->written = settled.seconds;
    if (run->world->rank != 0) return ELBOW_OK;
    char *path = NULL;
    ELBOW_TRY(elbow_checkpoint_path(run->directory, settled.step, &path));
    m->checkpoint = elbow_file_bytes(path);
    free(path);
    ELBOW_TRY(elbow_path_join(run->directory, "metrics.h5", &path)); /* behind the checkpoint */
    m->metrics = elbow_file_bytes(path);
    free(path);
    return ELBOW_OK;
}

/* --- the whole run --- */

static int64_t greatest_divisor(int64_t a, int64_t b) {
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static int64_t evaluations(const elbow_run *run) {
    int64_t every = run->options->train.evaluate_every;
    if (every <= 0) every = run->epoch_steps;
    return run->run_steps / every + (run->run_steps % every != 0);
}

/* Of the history that a checkpoint carries, at the run's end, beside what it carries now. */
static double history_to_come(const elbow_run *run) {
    int64_t log = run->options->train.log_every, epoch = run->epoch_steps, steps = run->run_steps;
    const elbow_table *train = &run->metrics.train, *evaluation = &run->metrics.evaluation;
    double splits = elbow_protocol_evaluates(run, ELBOW_VALID) + elbow_protocol_evaluates(run, ELBOW_TEST);
    int64_t by_log = steps / log, by_epoch = steps / epoch, of_log = log / greatest_divisor(log, epoch);
    double rows = (double)by_log + (double)by_epoch -
                  (double)steps / ((double)of_log * (double)epoch); /* both at once */
    if (steps % log != 0 && steps % epoch != 0) rows++;
    double more = floor(rows + 0.5) - (double)train->rows, others = (double)evaluations(run) * splits;
    return sizeof(double) * (fmax(more, 0) * (double)train->columns +
                             fmax(others - (double)evaluation->rows, 0) * (double)evaluation->columns);
}

/* Seconds between checkpoints by the clock; 0 where there are none. */
static double interval(const elbow_options *options, const measured *m) {
    double seconds = 0;
    bool automatic = false;
    if (elbow_pace_interval(options, &seconds, &automatic) != ELBOW_OK) return 0;
    return automatic ? elbow_pace_optimum(m->still, options->checkpoint.mtbf, m->written) : seconds;
}

static double checkpoints(const elbow_run *run, const measured *m, double seconds) {
    int64_t every = run->options->checkpoint.every_steps;
    double by_clock = interval(run->options, m), count = 2; /* the first and the last */
    int64_t by_steps = every > 0 ? run->run_steps / every : 0;
    count += (double)by_steps;
    if (by_clock > 0) count += seconds / by_clock;
    return count + (double)evaluations(run); /* each may be the best so far */
}

static double run_seconds(const elbow_run *run, const measured *m) {
    double seconds = m->step * (double)run->run_steps + m->evaluation * (double)evaluations(run);
    return seconds + m->still * checkpoints(run, m, seconds) + m->test;
}

static void tell_time(elbow_examination *e, const measured *m) {
    const elbow_run *run = e->run;
    char step[32], epoch[32], evaluation[32], whole[32], left[32], rate[32], cut[128] = "", test[96] = "",
                                                                             over[64] = "";
    double seconds = run_seconds(run, m);
    bool slurm = false;
    double remains = elbow_job_seconds_left(&slurm), limit = run->options->checkpoint.time_limit;
    if (run->options->train.batch > (int64_t)run->order.batch)
        snprintf(cut, sizeof cut, " (all there are: train.batch = %lld is cut to them)",
                 (long long)run->options->train.batch);
    if (m->test > 0)
        snprintf(test, sizeof test, "; about %s the look at test in the end",
                 elbow_format_seconds(left, m->test));
    if (run->options->train.patience > 0)
        snprintf(over, sizeof over, ", unless train.patience ends it before");
    elbow_doctor_tell(e, ELBOW_FINDING_FINE, "time",
                      "%s a step of %.0f examples%s, %s examples/s; %s an epoch of %lld step%s; %s an "
                      "evaluation%s; %s the run of %lld step%s%s%s",
                      elbow_format_seconds(step, m->step), m->examples, cut,
                      elbow_format_count(rate, (size_t)(m->examples / m->step)),
                      elbow_format_seconds(epoch, m->step * (double)run->epoch_steps),
                      (long long)run->epoch_steps, run->epoch_steps == 1 ? "" : "s",
                      elbow_format_seconds(evaluation, m->evaluation), m->reckoned ? " at most" : "",
                      elbow_format_seconds(whole, seconds), (long long)run->run_steps,
                      run->run_steps == 1 ? "" : "s", over, test);
    if (!isnan(remains) && (limit <= 0 || remains < limit)) limit = remains;
    if (limit > 0 && seconds > limit)
        elbow_doctor_tell(e, ELBOW_FINDING_WARNING, "time",
                          "%s is left, and the run takes %s: it will stop with a checkpoint and exit code "
                          "75, to be resumed, "
                          "as jobs/train.sbatch does by itself",
                          elbow_format_seconds(left, limit), whole);
    if (slurm && isnan(remains) && limit <= 0)
        elbow_doctor_tell(
            e, ELBOW_FINDING_WARNING, "time",
            "this Slurm does not say when the job ends: start it by jobs/train.sbatch, which asks, or set "
            "checkpoint.time_limit to the job's seconds");
}

/* `last`: bytes of the last checkpoint. */
static void tell_disk(elbow_examination *e, const measured *m, double last) {
    const elbow_run *run = e->run;
    long long keep = (long long)run->options->checkpoint.keep;
    char all[32], room[32], drawn[32], what[256], pictures[128] = "";
    double images = m->pictures * (double)evaluations(run), checkpoints = last * (double)(keep + 2);
    /* metrics.h5 is there twice while it is replaced. */
    double wanted = checkpoints + images + 2 * (m->metrics + history_to_come(run));
    if (images > 0)
        snprintf(pictures, sizeof pictures, ", pictures of %lld evaluation%s (%s)",
                 (long long)evaluations(run), evaluations(run) == 1 ? "" : "s",
                 elbow_format_bytes(drawn, images));
    snprintf(what, sizeof what, "%lld checkpoints, best.h5, the one being written%s and metrics.h5", keep,
             pictures);
    elbow_format_bytes(all, wanted);
    elbow_format_bytes(room, e->place.free);
    if (wanted > e->place.free)
        elbow_doctor_tell(e, ELBOW_FINDING_FAILED, "disk",
                          "%s wanted for %s, and %s is free in %s; make room, choose another --out, or %s",
                          all, what, room, e->place.path,
                          images > checkpoints ? "draw less (train.pictures, train.evaluate_every)"
                                               : "keep fewer (checkpoint.keep)");
    else
        elbow_doctor_tell(e, ELBOW_FINDING_FINE, "disk", "%s for %s, of %s free (quotas do not show here)",
                          all, what, room);
}

static void tell_checkpoint(elbow_examination *e, const measured *m) {
    const elbow_run *run = e->run;
    const elbow_options *o = run->options;
    char size[32], end[32], written[32], still[32], stop[32], kill[32];
    double last = m->checkpoint + history_to_come(run), seconds = run_seconds(run, m), between = seconds;
    if (interval(o, m) > 0) between = fmin(between, interval(o, m));
    if (o->checkpoint.every_steps > 0) between = fmin(between, m->step * (double)o->checkpoint.every_steps);
    elbow_doctor_tell(e, ELBOW_FINDING_FINE, "checkpoint",
                      "%s%s%s; on disk in %s, for which training stands still %s; a stop takes %s; a kill "
                      "without warning loses %s at the most",
                      elbow_format_bytes(end, last),
                      strcmp(elbow_format_bytes(size, m->checkpoint), end) ? " at the run's end, now " : "",
                      strcmp(size, end) ? size : "", elbow_format_seconds(written, m->written),
                      elbow_format_seconds(still, m->still),
                      elbow_format_seconds(stop, m->step + m->still + m->written),
                      elbow_format_seconds(kill, between));
    tell_disk(e, m, last);
}

/* --- memory --- */

typedef struct holding {
    elbow_need need;
    double available, predicted, share;
} holding;

/* Of a rank's node, by what its ranks had at most; what they share counts once. */
static double node_bytes(const holding *all, size_t count, size_t of, size_t *ranks) {
    double bytes = 0;
    *ranks = 0;
    for (size_t j = 0; j < count; j++) {
        if (all[j].need.node != all[of].need.node) continue;
        bytes += all[j].share;
        ++*ranks;
    }
    return *ranks == 1 ? all[of].need.bytes : bytes;
}

static void tell_memory(elbow_examination *e, const holding *all, size_t count) {
    const elbow_memory own = elbow_memory_of(e->run);
    double most = 0, worst = 0, limit = HUGE_VAL, available = HUGE_VAL;
    const char *host = "";
    char rank[32], node[32], has[32], model[32], together[160] = "";
    size_t ranks = 1;
    for (size_t i = 0; i < count; i++) {
        size_t here = 0;
        double bytes = node_bytes(all, count, i, &here);
        most = fmax(most, all[i].need.bytes);
        if (bytes / all[i].need.limit < worst / limit) continue;
        worst = bytes;
        ranks = here;
        limit = all[i].need.limit;
        available = all[i].available;
        host = all[i].need.host;
    }
    elbow_format_bytes(node, worst);
    if (ranks > 1)
        snprintf(together, sizeof together, "the %zu ranks there %s, what they share counted once; ", ranks,
                 node);
    elbow_doctor_tell(e, ELBOW_FINDING_FINE, "memory",
                      "%s a rank at most, of which %s is model, data and checkpoint of rank 0, the rest the "
                      "program and its "
                      "libraries; %s%s has %s",
                      elbow_format_bytes(rank, most),
                      elbow_format_bytes(model, (double)elbow_memory_total(&own)), together, host,
                      elbow_format_bytes(has, limit));
    if (worst > 0.9 * limit)
        elbow_doctor_tell(e, ELBOW_FINDING_FAILED, "memory",
                          "%s is nearly all, or more, of what %s has: the kernel will kill a rank; start "
                          "fewer ranks a node, ask "
                          "for more memory (sbatch --mem), or make train.batch or the model smaller",
                          node, host);
    else if (available < 0.1 * worst)
        elbow_doctor_tell(
            e, ELBOW_FINDING_WARNING, "memory",
            "only %s of %s is still free for programs; others use it: ask for a node of your own (sbatch "
            "--exclusive), or start fewer ranks",
            elbow_format_bytes(has, available), host);
}

static elbow_status gather_memory(elbow_examination *e) {
    elbow_world *world = e->world;
    void *all = NULL;
    const elbow_held held = elbow_held_now();
    holding own = {.need = {.node = world->node, .bytes = held.most, .limit = elbow_memory_bytes()},
                   .available = elbow_memory_available(),
                   .share = held.share};
    snprintf(own.need.host, sizeof own.need.host, "%s", world->host);
    ELBOW_TRY(elbow_world_gather_new(world, &own, sizeof own, &all));
    if (world->rank == 0) tell_memory(e, all, (size_t)world->size);
    free(all);
    return ELBOW_OK;
}

/* Without the advice to go on with a run that is gone when it is read. */
static void tell_nonfinite(elbow_examination *e, const char *subject) {
    char text[ELBOW_DOCTOR_LINE];
    snprintf(text, sizeof text, "%s", elbow_error_message());
    char *advice = strstr(text, ". Go on past it ");
    const char *data = advice ? strstr(advice, "look at row ") : NULL;
    if (advice != NULL) *advice = 0;
    elbow_doctor_tell(e, ELBOW_FINDING_FAILED, subject, "%s; %s", text,
                      data ? data : "set optimizer.learning_rate lower, or optimizer.clip_norm");
}

/* A part of the trial: what fails is a finding, but for a stop. */
static elbow_status found(elbow_examination *e, const char *subject, elbow_status status, bool *failed) {
    if (status == ELBOW_STOPPED || status == ELBOW_OK) return status;
    if (status == ELBOW_NUMERIC)
        tell_nonfinite(e, subject);
    else
        elbow_doctor_tell(e, ELBOW_FINDING_FAILED, subject, "%s", elbow_error_message());
    *failed = true;
    return ELBOW_OK;
}

elbow_status elbow_doctor_predict(elbow_examination *e) {
    elbow_run *run = e->run;
    measured m = {0};
    bool failed = false, saved = run->directory[0] != 0;
    ELBOW_TRY(found(e, "steps", take_steps(run, e->doctor->seconds, &m), &failed));
    if (failed) return ELBOW_OK;
    ELBOW_TRY(found(e, "evaluation", evaluate(run, &m), &failed));
    if (saved) ELBOW_TRY(found(e, "checkpoint", save(run, &m), &failed));
    if (failed) return ELBOW_OK;
    ELBOW_TRY(gather_memory(e));
    if (e->world->rank != 0) return ELBOW_OK;
    tell_time(e, &m);
    if (saved) tell_checkpoint(e, &m);
    return ELBOW_OK;
}
