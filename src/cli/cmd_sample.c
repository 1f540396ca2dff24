#include "elbow/train/draw.h"
#include "elbow/train/quality.h"
#include "making.h"

static const char help[] =
    "usage: elbow sample RUN|CHECKPOINT [-n 64] [--temperature T] [--seed S] [--given WORD] [--quality] -o "
    "FILE\n"
    "\n"
    "Draws z from the prior (a predictor's p(z|c)) and writes what the model makes of each: pictures to "
    "FILE.png; rows of a table in its own\n"
    "words and units to FILE.csv; lines of text to FILE.txt. The same seed gives the same ones, and the "
    "first of many\n"
    "are those of a few.\n"
    "\n"
    "  -n N              how many (64)\n"
    "  --temperature T   1 draws from p(x|z), less is more cautious, 0 takes means and most probable values "
    "(0 for\n"
    "                    images, 1 else)\n"
    "  --seed S          of the draws (the run's)\n"
    "  --given WORD      for models that are given labels: this one (each in turn, -n over all of them)\n"
    "  --weights W       average or last, where training kept an average of the weights (average)\n"
    "  --split S         for models that are given more: what its examples were given (test)\n"
    "  --data FILE       a data file other than the run's own\n"
    "  -o FILE           where to; - is standard output, for rows and lines; with --quality it may be left "
    "away\n"
    "  --quality         says how many differ, how many of those are not in the training split, and of "
    "molecules how\n"
    "                    many are valid (by rings, branches, bonds and valences)\n"
    "  --smiles          the texts are molecules, where the vocabulary does not show it\n"
    "\n"
    "examples:\n"
    "  elbow sample runs/a -n 100 -o samples.png\n"
    "  elbow sample runs/mushrooms -n 1000 --given edible -o samples.csv\n"
    "  elbow sample runs/molecules -n 10000 --quality\n";

typedef struct request {
    elbow_cli_making making;
    const char *given;
    int64_t count;
    bool quality, smiles;
} request;

static double percent(size_t part, size_t of) { return of > 0 ? 100 * (double)part / (double)of : 0; }

static void print_quality(const elbow_quality *q) {
    elbow_notice("  distinct %9zu  %6.2f %%  of %zu samples", q->distinct, percent(q->distinct, q->samples),
                 q->samples);
    elbow_notice("  novel    %9zu  %6.2f %%  of the distinct, which are none of %zu training examples",
                 q->novel, percent(q->novel, q->distinct), q->compared);
    if (!q->molecules) return;
    elbow_notice(
        "  valid    %9zu  %6.2f %%  of the samples: molecules by rings, branches, bonds and valences",
        q->valid, percent(q->valid, q->samples));
    elbow_notice("  distinct %9zu  %6.2f %%  of the valid, as text", q->distinct_valid,
                 percent(q->distinct_valid, q->valid));
    elbow_notice("  novel    %9zu  %6.2f %%  of the distinct valid", q->novel_valid,
                 percent(q->novel_valid, q->distinct_valid));
    if (q->why) elbow_notice("  the first that is none is sample %zu: %s", q->bad + 1, q->why);
}

static elbow_status judge(elbow_cli_making *making, const elbow_examples *made) {
    const request *asked = (const request *)making;
    elbow_quality quality;
    bool molecules = asked->smiles || elbow_quality_molecular(made->field);
    if (making->dataset == NULL) ELBOW_TRY(elbow_cli_making_data(making, false));
    ELBOW_TRY(elbow_quality_measure(&quality, made, &making->view, (size_t)making->model->options->data.limit,
                                    molecules));
    print_quality(&quality);
    return ELBOW_OK;
}

/* What each of `count` samples is given. Of labels each in turn: rows of a picture, when they are as many. */
static elbow_status choose_given(elbow_cli_making *making, elbow_examples *given, elbow_notes *notes,
                                 size_t *count, size_t *columns) {
    const request *asked = (const request *)making;
    const elbow_maker *maker = &making->maker;
    if (asked->given) {
        elbow_status status = elbow_make_label(maker, asked->given, *count, given);
        if (status != ELBOW_OK) return elbow_fail_prefix(status, "--given");
    } else if (elbow_make_label_column(maker->vae)) {
        size_t labels = elbow_make_label_column(maker->vae)->cardinality;
        *columns = (*count + labels - 1) / labels;
        ELBOW_TRY(elbow_make_labels(maker, *columns, given));
        *count = given->count;
    } else if (elbow_vae_context(maker->vae)) {
        ELBOW_TRY(elbow_cli_making_data(making, true));
        return elbow_make_given(maker, &making->view, making->part, *count, given);
    } else {
        return ELBOW_OK;
    }
    return elbow_make_label_notes(maker, given, notes);
}

/* Before anything is made: what can only end in a refusal. */
static elbow_status check_wish(const elbow_cli_making *making) {
    const request *asked = (const request *)making;
    const elbow_vae *vae = making->model->vae;
    elbow_binarize binarize;
    if (!asked->quality) return ELBOW_OK;
    ELBOW_TRY(elbow_binarize_find(making->model->options->data.binarize, &binarize));
    ELBOW_CHECK(
        elbow_vae_field(vae)->kind != ELBOW_IMAGE || making->maker.temperature > 0, ELBOW_USAGE,
        "--quality counts samples that are the same, and means of images never are; add --temperature 1");
    return elbow_quality_check(vae, binarize, asked->smiles);
}

static elbow_status sample(elbow_cli_making *making) {
    const request *asked = (const request *)making;
    char source[4096];
    elbow_maker *maker = &making->maker;
    elbow_examples given = {0}, made;
    elbow_notes notes = {0};
    size_t count = (size_t)asked->count, columns = 0;
    if (making->temperature == NULL) maker->temperature = elbow_make_temperature(elbow_vae_field(maker->vae));
    ELBOW_TRY(check_wish(making));
    ELBOW_TRY(choose_given(making, &given, &notes, &count, &columns));
    ELBOW_TRY(elbow_make_samples(maker, given.field ? &given : NULL, count, &made));
    if (making->output) ELBOW_TRY(elbow_draw_examples(&made, columns, &notes, making->output));
    elbow_notice("%s%s%zu samples from %s of %s, temperature %g", making->output ? making->output : "",
                 making->output ? ": " : "", count, elbow_vae_predicts(maker->vae) ? "p(z|c)" : "the prior",
                 elbow_cli_making_source(making, source, sizeof source), (double)maker->temperature);
    return asked->quality ? judge(making, &made) : ELBOW_OK;
}

int cmd_sample(int argc, char **argv) {
    const char *count = NULL;
    request asked = {.count = 64};
    enum { OWN = ELBOW_CLI_MAKING_FLAGS };
    elbow_cli_flag flags[OWN + 4] = {
        [OWN] = {"--count", "-n", &count, NULL},
        [OWN + 1] = {"--given", NULL, &asked.given, NULL},
        [OWN + 2] = {"--quality", NULL, NULL, &asked.quality},
        [OWN + 3] = {"--smiles", NULL, NULL, &asked.smiles},
    };
    elbow_cli_making_flags(&asked.making, flags);
    elbow_cli_arguments arguments;
    int code = elbow_cli_parse(&arguments, argc, argv, flags, sizeof flags / sizeof *flags, false, help);
    if (code == ELBOW_CLI_GO) code = elbow_cli_integer("sample", "-n", count, 1, 10000000, &asked.count);
    if (code == ELBOW_CLI_GO && asked.making.output == NULL && !asked.quality)
        code = elbow_cli_usage("sample", "give -o FILE, or --quality");
    if (code == ELBOW_CLI_GO && asked.smiles && !asked.quality)
        code = elbow_cli_usage("sample", "--smiles says what --quality looks at; give that too");
    if (code != ELBOW_CLI_GO) return code;
    return elbow_cli_making_run(&asked.making, &arguments, sample);
}
