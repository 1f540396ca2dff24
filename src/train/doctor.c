#include "elbow/train/doctor.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elbow/base/log.h"
#include "elbow/parallel/library.h"
#include "elbow/train/bench.h"
#include "elbow/train/run.h"
#include "parallel/launch.h"
#include "train/doctor_inside.h"
#include "train/report.h"
#include "train/resume.h"

enum { TRIAL_BYTES = 1 << 20, SLOW_TRIAL = 5 };

void elbow_doctor_tell(elbow_examination *e, elbow_finding finding, const char *subject, const char *format,
                       ...) {
    char text[ELBOW_DOCTOR_LINE];
    va_list arguments;
    if (e->world->rank != 0) return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    e->doctor->say(e->doctor->context, finding, subject, text);
}

static void take_warning(void *context, const char *text) {
    elbow_doctor_tell(context, ELBOW_FINDING_WARNING, "set-up", "%s", text);
}

/* A failed check is a finding, the same on every rank; *passed is what it was. */
static void conclude(elbow_examination *e, const char *subject, elbow_status status, bool *passed) {
    status = elbow_world_agree(e->world, status);
    *passed = status == ELBOW_OK;
    if (!*passed) elbow_doctor_tell(e, ELBOW_FINDING_FAILED, subject, "%s", elbow_error_message());
}

static void look_at_launch(elbow_examination *e) {
    char library[128];
    const elbow_world *world = e->world;
    elbow_launch launch;
    elbow_launch_here(&launch);
    elbow_library_describe(library, sizeof library);
    bool alone = launch.launcher == ELBOW_LAUNCH_ALONE;
    elbow_doctor_tell(e, ELBOW_FINDING_FINE, "launch", "%s%s: %d rank%s on %d node%s, rank 0 on %s; %s",
                      alone ? "alone" : "by ", launch.name, world->size, world->size == 1 ? "" : "s",
                      world->nodes, world->nodes == 1 ? "" : "s", world->host, library);
    if (launch.size > 0 && launch.size != world->size)
        elbow_doctor_tell(
            e, ELBOW_FINDING_WARNING, "launch",
            "%s started %ld processes (%s), and this run has %d of them; runs apart are meant only where "
            "ELBOW_SINGLETONS=1 is set",
            launch.name, launch.size, launch.found, world->size);
}

/* Rank 0 reads all of it once; the others open it when the run is made. */
static elbow_status verify_data(const elbow_options *options, char *text, size_t room) {
    char size[32], took[32], valid[64] = "";
    elbow_dataset *dataset = NULL;
    elbow_status status = ELBOW_OK;
    double began = elbow_now();
    ELBOW_CHECK(options->data.file[0] != 0, ELBOW_USAGE,
                "data.file is not set; import data with `elbow import` and add --set data.file=FILE");
    ELBOW_TRY_OR_DONE(elbow_dataset_open(&dataset, options->data.file));
    ELBOW_TRY_OR_DONE(elbow_dataset_verify(dataset));
    size_t valids = elbow_dataset_count(dataset, ELBOW_VALID);
    if (valids > 0) snprintf(valid, sizeof valid, ", %zu valid", valids);
    snprintf(text, room, "%.2000s: %zu train%s, %zu test examples; %s, every checksum read and right, in %s",
             options->data.file, elbow_dataset_count(dataset, ELBOW_TRAIN), valid,
             elbow_dataset_count(dataset, ELBOW_TEST),
             elbow_format_bytes(size, elbow_file_bytes(options->data.file)),
             elbow_format_seconds(took, elbow_now() - began));
done:
    elbow_dataset_close(&dataset);
    return status;
}

static bool look_at_data(elbow_examination *e) {
    char text[ELBOW_DOCTOR_LINE] = "";
    bool passed = false;
    elbow_status status = ELBOW_OK;
    if (e->world->rank == 0) status = verify_data(e->options, text, sizeof text);
    conclude(e, "data", status, &passed);
    if (passed) elbow_doctor_tell(e, ELBOW_FINDING_FINE, "data", "%s", text);
    return passed;
}

static bool look_at_config(elbow_examination *e) {
    bool passed = false;
    const elbow_options *o = e->options;
    conclude(e, "config", elbow_train_check(o, NULL, NULL), &passed);
    if (passed)
        elbow_doctor_tell(e, ELBOW_FINDING_FINE, "config", "model %s, %s, batch %lld, %s", o->model.latent,
                          o->estimator.name, (long long)o->train.batch, o->optimizer.name);
    return passed;
}

/* --- where the run would be --- */

static void tell_place(elbow_examination *e, double seconds) {
    const elbow_place *p = &e->place;
    char room[32];
    elbow_doctor_tell(e, ELBOW_FINDING_FINE, "directory",
                      "%s: %s%s, %s free; 1 MB written, synced and renamed in %.3g ms", p->path, p->system,
                      p->network ? ", over a network" : "", elbow_format_bytes(room, p->free), 1e3 * seconds);
    if (p->fleeting)
        elbow_doctor_tell(e, ELBOW_FINDING_WARNING, "directory",
                          "%s is on %s: what is written there is gone with %s; choose an --out on a disk",
                          p->path, p->system,
                          strcmp(p->system, "overlay") == 0 ? "the container"
                                                            : "the node, and takes its memory");
    if (seconds > SLOW_TRIAL)
        elbow_doctor_tell(
            e, ELBOW_FINDING_WARNING, "directory",
            "%s took %.1f s for 1 MB: it is slow or overloaded; choose an --out on another file system",
            p->path, seconds);
}

/* What `elbow train --out` would say of a directory that is there already. */
static void look_at_out(elbow_examination *e, const char *out) {
    if (e->world->rank != 0 || !elbow_file_exists(out)) return;
    if (!elbow_file_is_directory(out))
        elbow_doctor_tell(e, ELBOW_FINDING_FAILED, "directory",
                          "%s exists and is no directory; choose another --out", out);
    else if (elbow_run_is_there(out))
        elbow_doctor_tell(
            e, ELBOW_FINDING_WARNING, "directory",
            "%s exists and holds a run, and `elbow train --out` wants a new directory; it works "
            "with --continue, which goes on with that run; or choose another",
            out);
    else
        elbow_doctor_tell(e, ELBOW_FINDING_FAILED, "directory",
                          "%s exists and holds no run, and `elbow train --out` wants a new directory; choose "
                          "another, or remove it (--continue, as in a job script, would take it)",
                          out);
}

static bool look_at_place(elbow_examination *e) {
    const char *out = e->doctor->out;
    double seconds = 0;
    bool passed = false, first = e->world->rank == 0;
    conclude(e, "directory", first ? elbow_place_find(&e->place, out ? out : "./run") : ELBOW_OK, &passed);
    if (!passed) return false;
    conclude(e, "directory", elbow_bench_directory_make(&e->scratch, e->world, e->place.path), &passed);
    if (!passed) return false;
    conclude(e, "directory", first ? elbow_place_try(e->scratch.path, TRIAL_BYTES, &seconds) : ELBOW_OK,
             &passed);
    if (!passed) return false;
    tell_place(e, seconds);
    if (out) look_at_out(e, out);
    return true;
}

/* --- the run --- */

static void tell_advice(elbow_examination *e, const elbow_run *run) {
    for (const char *line = run->advice; line && *line; line += strcspn(line, "\n") + 1)
        elbow_doctor_tell(e, ELBOW_FINDING_WARNING, "binding", "%.*s", (int)strcspn(line, "\n"), line);
}

static void tell_machine(elbow_examination *e, const elbow_run *run) {
    int bound = elbow_cores_bound(), online = elbow_cores_online();
    char room[32];
    elbow_doctor_tell(e, ELBOW_FINDING_FINE, "kernels", "%s, the same on all ranks; elbow's own %s",
                      run->facts.blas, run->facts.instruction_set);
    if (run->advice == NULL)
        elbow_doctor_tell(e, ELBOW_FINDING_FINE, "binding",
                          "%lld thread%s a rank; rank 0 may use %d of %d core%s",
                          (long long)run->facts.threads, run->facts.threads == 1 ? "" : "s", bound, online,
                          online == 1 ? "" : "s");
    tell_advice(e, run);
    size_t replicas = elbow_exchange_replicas(run->exchange), ranks = (size_t)e->world->size;
    if (ranks > 1 && replicas < ranks)
        elbow_doctor_tell(e, ELBOW_FINDING_FINE, "sharing",
                          "ranks of a node share a set of parameters; %s free in /dev/shm beside it",
                          elbow_format_bytes(room, elbow_shared_memory_free()));
}

/* In the scratch directory, or where there is none, in none. */
static bool make_run(elbow_examination *e, bool in_directory) {
    char out[sizeof e->scratch.path + 8];
    bool passed = false;
    elbow_options *options = e->options;
    elbow_start start = {.out = in_directory ? out : NULL};
    snprintf(out, sizeof out, "%s/run", e->scratch.path);
    e->options = NULL;
    elbow_log_divert(take_warning, e);
    elbow_status status = elbow_run_create(&e->run, e->world, options, &start);
    elbow_log_divert(NULL, NULL);
    conclude(e,
             status == ELBOW_PARALLEL ? "ranks"
             : status == ELBOW_MEMORY ? "memory"
                                      : "set-up",
             status, &passed);
    if (passed) tell_machine(e, e->run);
    return passed;
}

elbow_status elbow_doctor_examine(const elbow_doctor *doctor, elbow_world *world, elbow_options *options) {
    elbow_examination e = {.doctor = doctor, .world = world, .options = options};
    elbow_status status = ELBOW_OK;
    look_at_launch(&e);
    bool config = look_at_config(&e), data = look_at_data(&e), place = look_at_place(&e);
    if (config && data && make_run(&e, place)) {
        elbow_log_divert(take_warning, &e);
        status = elbow_doctor_predict(&e);
        elbow_log_divert(NULL, NULL);
    }
    elbow_run_destroy(&e.run);
    elbow_options_destroy(&e.options);
    elbow_bench_directory_remove(&e.scratch);
    return status;
}
