#include <stdio.h>
#include <string.h>

#include "elbow/base/number.h"
#include "elbow/train/draw.h"
#include "elbow/train/walk.h"
#include "making.h"

static const char help[] =
    "usage: elbow traverse RUN|CHECKPOINT [--example 0] [--split test] [--latent J] [--range -3:3] [-n 7] -o "
    "FILE\n"
    "\n"
    "Takes the latents of one example, sets one of them to each of its values, the others staying, and "
    "writes what the\n"
    "model makes of it: every category, 0 and 1, or steps of a Gaussian's range. A picture has a row for "
    "each latent; a\n"
    "table and lines of text say which latent was set, and to what.\n"
    "\n"
    "  --example I       its number in the split (0)\n"
    "  --split S         train, valid or test (test)\n"
    "  --latent J        only this one, counted from 0 over the layer next to x (all)\n"
    "  --range A:B       of Gaussian latents, whose prior is about -3:3\n"
    "  -n STEPS          in that range (7)\n"
    "  --temperature T   0 for means and most probable values, 1 for draws from p(x|z) (0)\n"
    "  --seed S          of the draws (the run's)\n"
    "  --weights W       average or last, where training kept an average of the weights (average)\n"
    "  --data FILE       a data file other than the run's own\n"
    "  -o FILE           .png, .csv or .txt; - is standard output, for rows and lines\n"
    "\n"
    "examples:\n"
    "  elbow traverse runs/a --example 12 -o latents.png\n"
    "  elbow traverse runs/molecules --latent 3 -o -\n";

typedef struct request {
    elbow_cli_making making;
    int64_t example, latent, steps;
    const char *range, *steps_text;
    elbow_walk_range values;
} request;

static elbow_status traverse(elbow_cli_making *making) {
    const request *asked = (const request *)making;
    char source[4096];
    elbow_encoded encoded;
    elbow_walk walk;
    const elbow_vae *vae = making->model->vae;
    bool gaussian = elbow_walk_has_gaussian(vae, asked->latent);
    ELBOW_CHECK(asked->latent < (int64_t)elbow_walk_variables(vae), ELBOW_USAGE,
                "--latent %lld: the layer next to x has latents 0 to %zu", (long long)asked->latent,
                elbow_walk_variables(vae) - 1);
    ELBOW_CHECK(gaussian || (asked->range == NULL && asked->steps_text == NULL), ELBOW_USAGE,
                "%s is for Gaussian latents, and a discrete one takes each of its values; leave it away",
                asked->range ? "--range" : "-n");
    ELBOW_TRY(elbow_cli_making_data(making, true));
    ELBOW_TRY(elbow_cli_making_check_example(making, "--example", asked->example));
    ELBOW_TRY(elbow_make_reconstructions(&making->maker, &making->view, making->part, (size_t)asked->example,
                                         1, &encoded));
    ELBOW_TRY(elbow_walk_latents(&making->maker, &encoded, asked->latent, &asked->values, &walk));
    ELBOW_TRY(elbow_draw_examples(&walk.examples, walk.columns, &walk.notes, making->output));
    elbow_notice("%s: latents of %s example %lld of %s varied, by %s", making->output,
                 elbow_split_name(making->part), (long long)asked->example,
                 elbow_dataset_path(making->dataset), elbow_cli_making_source(making, source, sizeof source));
    return ELBOW_OK;
}

/* "A:B". */
static int read_range(const char *text, elbow_walk_range *range) {
    char least[64];
    const char *colon = text ? strchr(text, ':') : NULL;
    if (text == NULL) return ELBOW_CLI_GO;
    if (colon == NULL || (size_t)(colon - text) >= sizeof least)
        return elbow_cli_usage("traverse", "--range: `%.60s` is no range; write A:B, as -3:3", text);
    snprintf(least, sizeof least, "%.*s", (int)(colon - text), text);
    int code = elbow_cli_real("traverse", "--range", least, -1e6, 1e6, &range->least);
    return code != ELBOW_CLI_GO ? code
                                : elbow_cli_real("traverse", "--range", colon + 1, -1e6, 1e6, &range->most);
}

int cmd_traverse(int argc, char **argv) {
    const char *example = NULL, *latent = NULL;
    request asked = {.latent = ELBOW_WALK_ALL, .steps = 7, .values = {.least = -3, .most = 3}};
    enum { OWN = ELBOW_CLI_MAKING_FLAGS };
    elbow_cli_flag flags[OWN + 4] = {
        [OWN] = {"--example", NULL, &example, NULL},
        [OWN + 1] = {"--latent", NULL, &latent, NULL},
        [OWN + 2] = {"--range", NULL, &asked.range, NULL},
        [OWN + 3] = {"--steps", "-n", &asked.steps_text, NULL},
    };
    elbow_cli_making_flags(&asked.making, flags);
    elbow_cli_arguments arguments;
    int code = elbow_cli_parse(&arguments, argc, argv, flags, sizeof flags / sizeof *flags, false, help);
    if (code == ELBOW_CLI_GO)
        code = elbow_cli_integer("traverse", "--example", example, 0, UINT32_MAX, &asked.example);
    if (code == ELBOW_CLI_GO)
        code = elbow_cli_integer("traverse", "--latent", latent, 0, INT32_MAX, &asked.latent);
    if (code == ELBOW_CLI_GO)
        code = elbow_cli_integer("traverse", "-n", asked.steps_text, 1, 10000, &asked.steps);
    if (code == ELBOW_CLI_GO) code = read_range(asked.range, &asked.values);
    if (code == ELBOW_CLI_GO && asked.making.output == NULL)
        code = elbow_cli_usage("traverse", "give -o FILE");
    if (code != ELBOW_CLI_GO) return code;
    asked.values.steps = (size_t)asked.steps;
    return elbow_cli_making_run(&asked.making, &arguments, traverse);
}
