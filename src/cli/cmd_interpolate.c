#include "elbow/train/draw.h"
#include "elbow/train/walk.h"
#include "making.h"

static const char help[] =
    "usage: elbow interpolate RUN|CHECKPOINT --from I --to J [--split test] [-n 9] -o FILE\n"
    "\n"
    "Goes from the latents of one example to those of another and writes what the model makes on the way, "
    "between the\n"
    "two originals: one row of a picture, rows of a table, or lines of text. Gaussian latents go straight "
    "from mean to\n"
    "mean; the discrete ones that differ change over one after the other, in their order. What a conditional "
    "model is\n"
    "given stays that of the first example.\n"
    "\n"
    "  --from I, --to J  the examples' numbers in the split\n"
    "  --split S         train, valid or test (test)\n"
    "  -n STEPS          how many on the way, the two ends included (9)\n"
    "  --temperature T   0 for means and most probable values, 1 for draws from p(x|z) (0)\n"
    "  --seed S          of the draws (the run's)\n"
    "  --weights W       average or last, where training kept an average of the weights (average)\n"
    "  --data FILE       a data file other than the run's own\n"
    "  -o FILE           .png, .csv or .txt; - is standard output, for rows and lines\n"
    "\n"
    "examples:\n"
    "  elbow interpolate runs/a --from 3 --to 18 -o way.png\n"
    "  elbow interpolate runs/molecules --from 3 --to 18 -n 20 -o -\n";

typedef struct request {
    elbow_cli_making making;
    int64_t from, to, steps;
} request;

static elbow_status interpolate(elbow_cli_making *making) {
    const request *asked = (const request *)making;
    const elbow_maker *maker = &making->maker;
    char source[4096];
    elbow_encoded from, to;
    elbow_walk walk;
    ELBOW_TRY(elbow_cli_making_data(making, true));
    ELBOW_TRY(elbow_cli_making_check_example(making, "--from", asked->from));
    ELBOW_TRY(elbow_cli_making_check_example(making, "--to", asked->to));
    ELBOW_TRY(elbow_make_reconstructions(maker, &making->view, making->part, (size_t)asked->from, 1, &from));
    ELBOW_TRY(elbow_make_reconstructions(maker, &making->view, making->part, (size_t)asked->to, 1, &to));
    ELBOW_TRY(elbow_walk_between(maker, &from, &to, (size_t)asked->steps, &walk));
    ELBOW_TRY(elbow_draw_examples(&walk.examples, walk.columns, &walk.notes, making->output));
    elbow_notice("%s: from %s example %lld of %s to %lld, by %s", making->output,
                 elbow_split_name(making->part), (long long)asked->from, elbow_dataset_path(making->dataset),
                 (long long)asked->to, elbow_cli_making_source(making, source, sizeof source));
    return ELBOW_OK;
}

int cmd_interpolate(int argc, char **argv) {
    const char *from = NULL, *to = NULL, *steps = NULL;
    request asked = {.steps = 9};
    enum { OWN = ELBOW_CLI_MAKING_FLAGS };
    elbow_cli_flag flags[OWN + 3] = {
        [OWN] = {"--from", NULL, &from, NULL},
        [OWN + 1] = {"--to", NULL, &to, NULL},
        [OWN + 2] = {"--steps", "-n", &steps, NULL},
    };
    elbow_cli_making_flags(&asked.making, flags);
    elbow_cli_arguments arguments;
    int code = elbow_cli_parse(&arguments, argc, argv, flags, sizeof flags / sizeof *flags, false, help);
    if (code == ELBOW_CLI_GO)
        code = elbow_cli_integer("interpolate", "--from", from, 0, UINT32_MAX, &asked.from);
    if (code == ELBOW_CLI_GO) code = elbow_cli_integer("interpolate", "--to", to, 0, UINT32_MAX, &asked.to);
    if (code == ELBOW_CLI_GO) code = elbow_cli_integer("interpolate", "-n", steps, 2, 10000, &asked.steps);
    if (code == ELBOW_CLI_GO && (from == NULL || to == NULL))
        code = elbow_cli_usage("interpolate", "give two examples, --from I and --to J");
    if (code == ELBOW_CLI_GO && asked.making.output == NULL)
        code = elbow_cli_usage("interpolate", "give -o FILE");
    if (code != ELBOW_CLI_GO) return code;
    return elbow_cli_making_run(&asked.making, &arguments, interpolate);
}
