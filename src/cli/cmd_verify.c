/* elbow verify: are files whole; what differs between two; does a config resume to the same bits. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "comparison.h"
#include "elbow/store/kind.h"
#include "elbow/train/stop.h"
#include "elbow/train/verify.h"

static const char help[] =
    "elbow verify: whether files are whole, and runs what they should be\n"
    "\n"
    "  elbow verify FILE|RUN...              every checksum, and every value, whether it is possible: data "
    "files,\n"
    "                                        checkpoints, metrics files, and all files of a run\n"
    "  elbow verify --diff A B               what differs between two checkpoints, runs (their newest good\n"
    "                                        checkpoints) or metrics files: the first tensor, in the model's "
    "order, and\n"
    "                                        index, then a table\n"
    "  mpirun -n 4 elbow verify --resume CONFIG\n"
    "                                        trains a few steps straight, then stopped in the middle and "
    "resumed, on\n"
    "                                        all ranks and on fewer: the same bits, or which tensor and "
    "index\n"
    "\n"
    "  -q, --quiet              files: say only what is bad; --diff and --resume: only the verdict\n"
    "      --steps N            --resume: how many (60); epochs that are longer than a third of them are "
    "cut\n"
    "      --keep DIR           --resume: leave the runs in this new directory; else they are in TMPDIR, and "
    "removed\n"
    "      --set A.B=C          --resume: an option over the config\n"
    "\n"
    "FILE is read in full, and never written; MPI is not needed, and of several processes under a launcher "
    "the "
    "first\n"
    "does it alone. A line begins with ok, note or BAD. Neither "
    "what\n"
    "measures time (seconds, rates, stragglers) nor where it ran is a difference, nor an option that no bit "
    "depends on.\n"
    "\n"
    "Exit code: 0 all is well, or the same bits; 1 not; 2 usage; 75 --resume was interrupted.\n"
    "\n"
    "Examples:\n"
    "  elbow verify mnist.h5 runs/a runs/b/checkpoints/best.h5\n"
    "  elbow verify -q runs/* || echo 'something is wrong'\n"
    "  elbow verify --diff runs/a runs/b\n"
    "  mpirun -n 4 elbow verify --resume configs/categorical-mnist.ini --set data.file=mnist.h5\n";

/* ---------------------------------------------------------------------------------------------- files */

typedef struct tally {
    bool quiet;
    size_t good, notes, bad;
} tally;

static void say_finding(void *context, const elbow_verified *finding) {
    static const char *const words[] = {
        [ELBOW_VERDICT_GOOD] = "ok  ", [ELBOW_VERDICT_NOTE] = "note", [ELBOW_VERDICT_BAD] = "BAD "};
    tally *t = context;
    size_t *counts[] = {&t->good, &t->notes, &t->bad};
    ++*counts[finding->verdict];
    if (t->quiet && finding->verdict != ELBOW_VERDICT_BAD) return;
    elbow_log_progress(NULL);
    if (finding->verdict == ELBOW_VERDICT_GOOD)
        printf("%s %s   %s, %.1f s\n", words[finding->verdict], finding->path, finding->text,
               finding->seconds);
    else
        printf("%s %s: %s\n", words[finding->verdict], finding->path, finding->text);
    fflush(stdout);
}

static int verify_files(const elbow_cli_arguments *arguments, bool quiet) {
    tally t = {.quiet = quiet};
    double began = elbow_now();
    for (size_t i = 0; i < arguments->count; i++) {
        char line[256];
        snprintf(line, sizeof line, "reading %.200s", arguments->plain[i]);
        elbow_log_progress(line);
        elbow_status status = elbow_verify(arguments->plain[i], say_finding, &t);
        if (status != ELBOW_OK) return elbow_cli_report(status);
    }
    elbow_log_progress(NULL);
    size_t all = t.good + t.bad;
    double seconds = elbow_now() - began;
    if (t.bad > 0)
        printf("%zu of %zu bad, %.1f s\n", t.bad, all, seconds);
    else if (!quiet)
        printf("all %zu ok%s, %.1f s\n", all, t.notes > 0 ? " (see the notes)" : "", seconds);
    return t.bad > 0 ? 1 : 0;
}

/* ----------------------------------------------------------------------------------------------- diff */

/* The comparison of two metrics files, or of two checkpoints; each a file, or the newest good one of a run. */
static elbow_status compare(elbow_comparison **comparison, const char *const paths[2], char digest[33]) {
    elbow_kind kinds[2];
    elbow_checkpoint *c[2] = {NULL, NULL};
    elbow_metrics metrics[2];
    for (int i = 0; i < 2; i++) ELBOW_TRY(elbow_kind_of(paths[i], &kinds[i]));
    bool files = kinds[0] == ELBOW_KIND_METRICS;
    for (int i = 0; i < 2; i++)
        ELBOW_CHECK(kinds[i] != ELBOW_KIND_DATA && (kinds[i] == ELBOW_KIND_METRICS) == files, ELBOW_FORMAT,
                    "%s: %s; give two checkpoints or runs, or two metrics files", paths[i],
                    elbow_kind_name(kinds[i]));
    elbow_status status = ELBOW_OK;
    if (files) {
        ELBOW_TRY(elbow_metrics_read(&metrics[0], paths[0]));
        status = elbow_metrics_read(&metrics[1], paths[1]);
        if (status == ELBOW_OK) status = elbow_metrics_compare(comparison, &metrics[0], &metrics[1]);
        for (int i = 0; i < 2; i++) elbow_metrics_destroy(&metrics[i]);
        return status;
    }
    for (int i = 0; i < 2 && status == ELBOW_OK; i++) {
        char *file = NULL;
        status = elbow_checkpoint_find(&c[i], &file, paths[i]);
        free(file);
    }
    if (status == ELBOW_OK) {
        elbow_checkpoint_digest(c[0], digest);
        elbow_verify_order(c[0]);
    }
    if (status == ELBOW_OK) status = elbow_checkpoint_compare(comparison, c[0], c[1]);
    for (int i = 0; i < 2; i++) elbow_checkpoint_destroy(&c[i]);
    return status;
}

static int verify_diff(const char *const paths[2], bool quiet) {
    elbow_comparison *comparison = NULL;
    char digest[33] = "", name[2048];
    elbow_status status = compare(&comparison, paths, digest);
    if (status != ELBOW_OK) return elbow_cli_report(status);
    bool same = comparison->same;
    snprintf(name, sizeof name, "%.1000s and %.1000s", paths[0], paths[1]);
    elbow_cli_print_verdict(comparison, name, digest);
    if (!quiet) elbow_cli_print_comparison(comparison);
    elbow_comparison_destroy(&comparison);
    return same ? 0 : 1;
}

/* --------------------------------------------------------------------------------------------- resume */

typedef struct resume_request {
    const char *config;
    const elbow_cli_arguments *arguments;
    elbow_trial_spec spec;
    bool quiet, same;
    const elbow_options *options; /* rank 0's */
    bool differed;                /* one run has been shown in full */
} resume_request;

static void say_run(void *context, const elbow_trial_run *run, bool done) {
    resume_request *request = context;
    char line[256], steps[64], how[128] = "";
    if (run->from > 0)
        snprintf(steps, sizeof steps, "from step %lld to %lld", (long long)run->from, (long long)run->to);
    else
        snprintf(steps, sizeof steps, "to step %lld", (long long)run->to);
    if (run->how[0]) snprintf(how, sizeof how, ", %.110s", run->how);
    snprintf(line, sizeof line, "%-9s %-19s on %d rank%s%s", run->what, steps, run->ranks,
             run->ranks == 1 ? "" : "s", how);
    if (!done) {
        elbow_log_progress(line);
        return;
    }
    elbow_log_progress(NULL);
    bool differs = run->comparison && !run->comparison->same;
    if (!request->quiet || differs)
        printf("%s: %s%.1f s\n", line,
               !run->comparison ? ""
               : differs        ? "OTHER BITS, "
                                : "the same bits, ",
               run->seconds);
    if (differs && !request->differed) {
        elbow_cli_print_verdict(run->comparison, "the straight run and this one", "");
        if (!request->quiet) elbow_cli_print_comparison(run->comparison);
        request->differed = true;
    }
    fflush(stdout);
}

static void print_counts(const elbow_trial *trial) {
    for (size_t i = 0; i < trial->count; i++) printf("%s%d", i > 0 ? ", " : "", trial->counts[i]);
    printf(" rank%s", trial->count == 1 && trial->counts[0] == 1 ? "" : "s");
}

static void print_trial(const elbow_trial *trial, const resume_request *request) {
    bool ordered = strcmp(request->options->parallel.allreduce, "ordered") == 0;
    printf("%s: %lld steps straight on %d rank%s; stopped at %lld and resumed on ",
           trial->same ? "the same bits" : "OTHER BITS", (long long)trial->steps, trial->ranks,
           trial->ranks == 1 ? "" : "s", (long long)trial->stop);
    print_counts(trial);
    printf("%s", trial->shared && trial->messages ? "; shared memory and messages"
                 : trial->shared                  ? "; shared memory"
                 : trial->messages                ? "; messages"
                                                  : "");
    printf("; digest %s\n", trial->digest);
    if (!trial->same && !ordered)
        printf("parallel.allreduce = %s sums in an order of MPI's own: it is exact to rounding only; ordered "
               "gives "
               "the same bits on every rank count\n",
               request->options->parallel.allreduce);
    else if (!trial->same)
        printf("this must not be: look for a faulty node (run it again, and on others), then report it with "
               "--keep's "
               "runs\n");
    if (trial->same && trial->ranks == 1)
        printf("on one rank alone; `mpirun -n 4 elbow verify --resume ...` tries other rank counts too\n");
}

static elbow_status resume(elbow_world *world, void *context) {
    resume_request *request = context;
    elbow_options *options = NULL;
    elbow_trial trial = {0};
    elbow_status status = ELBOW_OK;
    if (world->rank == 0) status = elbow_cli_options(&options, request->config, request->arguments);
    status = elbow_world_agree(world, status);
    request->options = options;
    if (status == ELBOW_OK)
        status = elbow_verify_resume(&trial, world, options, &request->spec, say_run, request);
    request->same = trial.same;
    if (status == ELBOW_OK && world->rank == 0) {
        if (trial.limit > 0 && !request->quiet)
            printf("trained on the first %lld examples, so that an epoch has %lld steps\n",
                   (long long)trial.limit, (long long)trial.epoch_steps);
        print_trial(&trial, request);
        if (request->spec.keep) printf("the runs are in %s\n", request->spec.keep);
    }
    if (status == ELBOW_STOPPED) elbow_warn("interrupted by a signal; nothing is decided: run it again");
    elbow_options_destroy(&options);
    return status;
}

static int verify_resume(resume_request *request, const char *steps) {
    request->spec.steps = 60;
    int code = elbow_cli_integer("verify", "--steps", steps, 4, 1000000, &request->spec.steps);
    if (code != ELBOW_CLI_GO) return code;
    request->config = request->arguments->plain[0];
    elbow_stop_catch_signals(); /* what is temporary is removed */
    code = elbow_cli_in_world(ELBOW_LOG_NOTICE, resume, request);
    return code == 0 && !request->same ? 1 : code;
}

/* ---------------------------------------------------------------------------------------------- usage */

static int check_usage(const elbow_cli_arguments *arguments, bool diff, bool resumes, const char *steps,
                       const char *keep) {
    if (diff && resumes) return elbow_cli_usage("verify", "give one of --diff and --resume");
    if (diff && arguments->count != 2) return elbow_cli_usage("verify", "--diff takes two: A and B");
    if (resumes && arguments->count != 1) return elbow_cli_usage("verify", "--resume takes one CONFIG");
    if (!resumes && (steps || keep || arguments->set_count > 0))
        return elbow_cli_usage("verify", "%s goes with --resume",
                               steps  ? "--steps"
                               : keep ? "--keep"
                                      : "--set");
    if (arguments->count == 0)
        return elbow_cli_usage("verify",
                               "give a FILE or the directory of a run, --diff A B, or --resume CONFIG");
    return ELBOW_CLI_GO;
}

int cmd_verify(int argc, char **argv) {
    bool diff = false, resumes = false;
    const char *steps = NULL;
    resume_request request = {0};
    const elbow_cli_flag flags[] = {
        {"--diff", NULL, NULL, &diff},
        {"--resume", NULL, NULL, &resumes},
        {"--quiet", "-q", NULL, &request.quiet},
        {"--steps", NULL, &steps, NULL},
        {"--keep", NULL, &request.spec.keep, NULL},
    };
    elbow_cli_arguments arguments;
    int code = elbow_cli_parse(&arguments, argc, argv, flags, sizeof flags / sizeof *flags, true, help);
    if (code == ELBOW_CLI_GO) code = check_usage(&arguments, diff, resumes, steps, request.spec.keep);
    if (code != ELBOW_CLI_GO) return code;
    request.arguments = &arguments;
    if (resumes) return verify_resume(&request, steps);
    if (diff) return verify_diff(arguments.plain, request.quiet);
    return verify_files(&arguments, request.quiet);
}
