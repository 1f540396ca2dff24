#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "elbow/train/stop.h"

static const char help[] =
    "usage: elbow bench estimators RUN|CHECKPOINT|CONFIG [--set SECTION.KEY=VALUE]... [--only NAME,NAME...]\n"
    "                              [--seconds 60] [--csv FILE] [...]\n"
    "\n"
    "Holds the gradient estimators that take a model (estimator.name) against its exact gradient, on one "
    "batch "
    "of the\n"
    "training split and with weights that stand still: for each its bias, the variance of a gradient, what "
    "one "
    "costs, and how\n"
    "often it evaluates the decoder. Where the latents are too many to be summed over, the reference is the "
    "mean of many\n"
    "gradients of an unbiased estimator, and what that leaves uncertain is said. A CONFIG is a model as its "
    "training begins.\n"
    "The gradient is that of the encoder and the posterior, q(z|x). Every estimator is at its least "
    "estimator.samples, 1 or 2.\n"
    "\n"
    "  --set A.B=C            an option over the config's or the checkpoint's\n"
    "  --synthetic            random images of 28 x 28 for data: no data.file is needed\n"
    "  --examples N           of the batch (train.batch)\n"
    "  --only LIST            these estimators, with commas between\n"
    "  --seconds S            for about how long (60); half of it for a reference that has noise\n"
    "  --draws N              gradients of each estimator, whatever time they take: the same figures again\n"
    "  --reference NAME       the unbiased estimator to hold the others against\n"
    "  --reference-draws N    its gradients\n"
    "  --temperature T        in place of the schedule's, at the checkpoint's step\n"
    "  --tune N               steps that estimators with parameters of their own learn those first (0)\n"
    "  --all                  the gradient of all parameters: of the decoder and the prior, too\n"
    "  --csv FILE             write the figures there\n"
    "\n"
    "examples:\n"
    "  elbow bench estimators runs/mnist\n"
    "  mpirun -n 2 elbow bench estimators configs/categorical-mnist.ini --set data.file=mnist.h5 --csv "
    "bias.csv\n"
    "  elbow bench estimators configs/categorical-mnist.ini --synthetic --set model.latent='categorical "
    "3x8'\n"
    "  elbow bench estimators runs/mnist --only gumbel-softmax,reinmax --draws 2000 --temperature 1\n";

enum { CELL = 48 };

typedef struct request {
    const elbow_cli_arguments *arguments;
    elbow_bench_estimators_request what;
    bool synthetic;
    const char *csv;
} request;

/* --- the model --- */

/* Neither a directory nor HDF5, nor meant to be. */
static bool is_config(const char *path) {
    const char *ending = strrchr(path, '.');
    unsigned char first = 0;
    FILE *file = fopen(path, "rb");
    if (file == NULL) return ending == NULL || strcmp(ending, ".h5") != 0;
    bool read = fread(&first, 1, 1, file) == 1;
    fclose(file);
    return read && first != 0x89; /* of HDF5's signature */
}

static elbow_status open_model(elbow_model **model, elbow_world *world, const request *asked,
                               elbow_bench_synthetic *images) {
    const elbow_cli_arguments *arguments = asked->arguments;
    elbow_options *options = NULL;
    int config = world->rank == 0 && is_config(arguments->plain[0]);
    ELBOW_TRY(elbow_world_broadcast(world, &config, sizeof config, 0));
    if (config) {
        ELBOW_TRY(elbow_cli_bench_options(&options, world, arguments, asked->synthetic, images));
        return elbow_model_untrained(model, world, options);
    }
    ELBOW_TRY(elbow_model_open(model, world, arguments->plain[0], "last"));
    elbow_status status = ELBOW_OK;
    for (size_t i = 0; status == ELBOW_OK && i < arguments->set_count; i++)
        status = elbow_options_set((*model)->options, arguments->sets[i]);
    ELBOW_TRY_ALL(world, status);
    return asked->synthetic ? elbow_bench_synthetic_make(images, world, (*model)->options) : ELBOW_OK;
}

/* --- the table --- */

/* "0.123 ± 0.004", as many digits as the error leaves; "" where there is none. */
static const char *cell(char text[CELL], elbow_bench_figure f) {
    text[0] = 0;
    if (!isfinite(f.value)) return text;
    if (!(f.error > 1e-6 * fabs(f.value))) { /* rounding alone */
        snprintf(text, CELL, "%.3f", f.value);
        return text;
    }
    int digits = (int)ceil(-log10(f.error)) + 1;
    digits = digits < 0 ? 0 : digits > 5 ? 5 : digits;
    snprintf(text, CELL, "%.*f ± %.*f", digits, f.value, digits, f.error);
    return text;
}

/* Printed width: ± has two bytes. */
static void print_cell(const char *text, int width) {
    printf(" %*s", width + (strstr(text, "±") ? 1 : 0), text);
}

/* What can be said of the bias. */
static void judge(char text[CELL], const elbow_bench_estimator *e) {
    bool seen = e->bias.z >= ELBOW_BENCH_SURE;
    if (!e->finite)
        snprintf(text, CELL, "not finite");
    else if (!isfinite(e->bias.z))
        snprintf(text, CELL, "%s", isfinite(e->bias.bias.value) ? "all draws were alike" : "");
    else if (seen)
        snprintf(text, CELL, e->unbiased ? "OFF, and should not be" : "biased");
    else if (e->bias.z == 0)
        snprintf(text, CELL, "exact");
    else
        snprintf(text, CELL, e->unbiased ? "within the error" : "none seen");
}

static void print_bias(const elbow_bench_estimator *e) {
    char text[CELL], most[CELL];
    print_cell(cell(text, e->bias.cosine), 16);
    print_cell(cell(text, e->bias.norm), 16);
    if (e->bias.z >= ELBOW_BENCH_SURE || e->bias.z == 0) {
        print_cell(cell(text, e->bias.bias), 16);
    } else {
        snprintf(most, sizeof most, "< %.3f", e->bias.most);
        print_cell(isfinite(e->bias.most) ? most : "", 16);
    }
    judge(text, e);
    printf("  %s", text);
}

static void print_row(const elbow_bench_estimators *b, const elbow_bench_estimator *e,
                      const elbow_bench_estimator *base) {
    double square = b->norm.value * b->norm.value, ratio = e->seconds.median / base->seconds.median;
    printf("  %-23s %2zu %5.4g/%-5.4g %8.3f %7.2f %8zu", e->name, e->samples, e->forward, e->backward,
           1e3 * e->seconds.median, ratio, e->draws);
    if (e->draws == 0 || !e->finite) {
        printf("  %s\n", e->finite ? "left out" : "its gradient is not finite");
        return;
    }
    printf(" %10.3g", e->variance.value);
    if (b->reference.name) {
        printf(" %9.3g", e->variance.value / square);
        print_bias(e);
    }
    printf("\n");
}

static void print_reference(const elbow_bench_estimators *b) {
    const elbow_bench_estimator *r = &b->reference;
    char text[CELL];
    if (r->name == NULL) {
        printf(
            "  reference  none: no unbiased estimator takes this model, so that there is no bias to see\n");
        return;
    }
    cell(text, b->norm);
    if (r->draws == 0)
        printf("  reference  %s, without noise: |g| = %s\n", r->name, text);
    else
        printf("  reference  the mean of %zu gradients of %s with %zu draws of z an example: |g| = %s;\n"
               "             its noise is %.3g |g|, and a cosine to it would be %.3f without the correction "
               "for that\n",
               r->draws, r->name, r->samples, text, b->error, 1 / sqrt(1 + b->error * b->error));
    if (b->error > 0.5 || !isfinite(b->error))
        elbow_warn("the reference is not known well; more --seconds, or ranks, or examples would help");
}

/* The first that takes part, whose cost the others are multiples of. */
static const elbow_bench_estimator *base_of(const elbow_bench_estimators *b) {
    for (size_t i = 0; i < b->count; i++)
        if (b->rows[i].seconds.median > 0) return &b->rows[i];
    return NULL;
}

static void print(const elbow_bench_estimators *b, const request *asked, const elbow_model *model) {
    const elbow_bench_estimator *base = base_of(b);
    const elbow_checkpoint *checkpoint = model->checkpoint;
    if (checkpoint)
        printf("  model      %s, step %lld (epoch %lld)\n", model->file, (long long)checkpoint->step,
               (long long)checkpoint->epoch);
    else
        printf("  model      %s, untrained\n", asked->arguments->plain[0]);
    printf("  gradient   of %zu parameters%s, on %zu examples%s; temperature %.4g, beta %.4g\n",
           b->parameters, asked->what.all ? "" : " of q(z|x)", b->examples,
           elbow_vae_classes(model->vae) > 0 ? ", without their labels" : "", b->temperature, b->beta);
    print_reference(b);
    if (base == NULL) {
        printf("\n");
    } else {
        printf("\n  estimator                S   decoder       ms  × first    draws   variance");
        if (b->reference.name) printf("    / |g|²           cosine       |mean|/|g|         bias/|g|");
        printf("\n");
        for (size_t i = 0; i < b->count; i++)
            if (b->rows[i].seconds.median > 0) print_row(b, &b->rows[i], base);
    }
    for (size_t i = 0; i < b->count; i++)
        if (b->rows[i].reason[0]) printf("  %-23s not here: %s\n", b->rows[i].name, b->rows[i].reason);
    for (size_t i = 0; i < b->count; i++)
        if (b->rows[i].own > 0 && b->rows[i].draws > 0)
            printf("  %-23s has %zu parameters of its own: %s\n", b->rows[i].name, b->rows[i].own,
                   asked->what.tune > 0                 ? "they have learned"
                   : b->rows[i].tuned == b->rows[i].own ? "the checkpoint's"
                                                        : "as training begins; --tune lets them learn");
}

static void explain(const elbow_bench_estimators *b) {
    if (b->early) elbow_notice("\nended early: what has no figures was left out");
    elbow_notice("\nS: draws of z an example. decoder: rows an example, through it and back. ms: of one "
                 "gradient, median. variance:\n"
                 "trace of a gradient's covariance.");
    if (b->reference.name)
        elbow_notice(
            "cosine, |mean| and bias, |mean - g|, are of the estimator's expectation: products of "
            "means of different draws have none\n"
            "of their noise (± is the standard error; < is two of them above what is seen). A bias is "
            "seen where its square is\n"
            "more than %d times what noise alone makes of it.",
            (int)ELBOW_BENCH_SURE);
}

static elbow_status write_csv(const elbow_bench_estimators *b, const request *asked,
                              const elbow_model *model) {
    static const char *const columns[] = {"estimator",      "unbiased",
                                          "samples",        "forward",
                                          "backward",       "draws",
                                          "seconds",        "low",
                                          "high",           "variance",
                                          "variance_error", "relative_variance",
                                          "norm",           "norm_error",
                                          "cosine",         "cosine_error",
                                          "bias",           "bias_error",
                                          "bias_most",      "z",
                                          "gradient_norm",  "reference_error",
                                          "examples",       "parameters",
                                          "temperature",    "step"};
    enum { COLUMNS = sizeof columns / sizeof *columns };
    elbow_cli_bench_table table;
    if (asked->csv == NULL) return ELBOW_OK;
    elbow_status status = elbow_cli_bench_begin(&table, &b->machine, columns, COLUMNS);
    for (size_t i = 0; i < b->count && status == ELBOW_OK; i++) {
        const elbow_bench_estimator *e = &b->rows[i];
        const elbow_bench_bias *bias = &e->bias;
        bool held = b->reference.name != NULL;
        if (e->draws == 0) continue;
        const double values[COLUMNS - 1] = {e->unbiased,
                                            (double)e->samples,
                                            e->forward,
                                            e->backward,
                                            (double)e->draws,
                                            e->seconds.median,
                                            e->seconds.low,
                                            e->seconds.high,
                                            e->variance.value,
                                            e->variance.error,
                                            held ? e->variance.value / (b->norm.value * b->norm.value) : NAN,
                                            held ? bias->norm.value : NAN,
                                            held ? bias->norm.error : NAN,
                                            held ? bias->cosine.value : NAN,
                                            held ? bias->cosine.error : NAN,
                                            held ? bias->bias.value : NAN,
                                            held ? bias->bias.error : NAN,
                                            held ? bias->most : NAN,
                                            held ? bias->z : NAN,
                                            held ? b->norm.value : NAN,
                                            held ? b->error : NAN,
                                            (double)b->examples,
                                            (double)b->parameters,
                                            b->temperature,
                                            model->checkpoint ? (double)model->checkpoint->step : 0};
        status = elbow_cli_bench_row(&table, e->name, values, COLUMNS - 1);
    }
    return elbow_cli_bench_end(&table, asked->csv, status);
}

static void show(const char *what, size_t done, size_t of) {
    static double last;
    char line[96];
    double now = elbow_now();
    if (done < of && now - last < 0.1) return;
    last = now;
    snprintf(line, sizeof line, "%s %3zu %%", what, 100 * done / of);
    elbow_log_progress(line);
}

static elbow_status measure(elbow_world *world, void *context) {
    const request *asked = context;
    elbow_status status = ELBOW_OK;
    elbow_model *model = NULL;
    elbow_bench_estimators bench = {0};
    elbow_bench_synthetic images = {{0}, {0}};
    elbow_stop_catch_signals(); /* Ctrl-C ends it early, and still takes the random images away */
    ELBOW_TRY_OR_DONE(open_model(&model, world, asked, &images));
    elbow_notice("elbow bench estimators: %s, about %.3g s", asked->arguments->plain[0], asked->what.seconds);
    ELBOW_TRY_OR_DONE(elbow_bench_estimators_measure(&bench, world, model, &asked->what));
    elbow_log_progress(NULL);
    if (world->rank == 0) {
        elbow_cli_bench_machine(&bench.machine);
        print(&bench, asked, model);
        explain(&bench);
        status = write_csv(&bench, asked, model);
    }
    status = elbow_world_agree(world, status);
done:
    elbow_bench_estimators_destroy(&bench);
    elbow_model_close(&model);
    elbow_bench_synthetic_remove(&images);
    return status;
}

/* Numbers that are counts. */
static int read_counts(const char *command, const char *const texts[4], size_t *const counts[4]) {
    static const char *const flags[] = {"--examples", "--draws", "--reference-draws", "--tune"};
    for (size_t i = 0; i < 4; i++) {
        int64_t value = 0;
        int code = elbow_cli_integer(command, flags[i], texts[i], 1, 1000000000, &value);
        if (code != ELBOW_CLI_GO) return code;
        *counts[i] = (size_t)value;
    }
    return ELBOW_CLI_GO;
}

int elbow_cli_bench_estimators(int argc, char **argv) {
    const char *seconds = NULL, *temperature = NULL, *texts[4] = {0};
    request asked = {.what = {.seconds = 60, .progress = show}};
    elbow_bench_estimators_request *what = &asked.what;
    size_t *const counts[4] = {&what->examples, &what->draws, &what->reference_draws, &what->tune};
    const elbow_cli_flag flags[] = {{"--synthetic", NULL, NULL, &asked.synthetic},
                                    {"--examples", NULL, &texts[0], NULL},
                                    {"--only", NULL, &what->only, NULL},
                                    {"--seconds", NULL, &seconds, NULL},
                                    {"--draws", NULL, &texts[1], NULL},
                                    {"--reference", NULL, &what->reference, NULL},
                                    {"--reference-draws", NULL, &texts[2], NULL},
                                    {"--temperature", NULL, &temperature, NULL},
                                    {"--tune", NULL, &texts[3], NULL},
                                    {"--all", NULL, NULL, &what->all},
                                    {"--csv", NULL, &asked.csv, NULL}};
    elbow_cli_arguments arguments;
    int code = elbow_cli_parse(&arguments, argc, argv, flags, sizeof flags / sizeof *flags, true, help);
    if (code == ELBOW_CLI_GO)
        code = elbow_cli_real(argv[0], "--seconds", seconds, 0.01, 86400, &what->seconds);
    if (code == ELBOW_CLI_GO)
        code = elbow_cli_real(argv[0], "--temperature", temperature, 1e-3, 1e3, &what->temperature);
    if (code == ELBOW_CLI_GO) code = read_counts(argv[0], texts, counts);
    if (code == ELBOW_CLI_GO && arguments.count != 1)
        code = elbow_cli_usage(argv[0], "give one RUN, CHECKPOINT or CONFIG");
    if (code != ELBOW_CLI_GO) return code;
    asked.arguments = &arguments;
    return elbow_cli_in_world(ELBOW_LOG_NOTICE, measure, &asked);
}
