#include "elbow/train/draw.h"
#include "making.h"

static const char help[] =
    "usage: elbow reconstruct RUN|CHECKPOINT [-n 50] [--split test] [--data FILE] [--temperature 0] [--seed "
    "S] -o FILE\n"
    "\n"
    "Writes the first examples of a split above what the model makes of them, x -> z ~ q(z|x) -> p(x|z): "
    "pictures to\n"
    "FILE.png; pairs of rows, in the table's own words and units, to FILE.csv; pairs of lines to FILE.txt.\n"
    "\n"
    "  -n N              how many (50)\n"
    "  --split S         train, valid or test (test)\n"
    "  --weights W       average or last, where training kept an average of the weights (average)\n"
    "  --data FILE       a data file other than the run's own\n"
    "  --temperature T   0 for means and most probable values, 1 for draws from p(x|z) (0)\n"
    "  --seed S          of the draws (the run's)\n"
    "  -o FILE           where to; - is standard output, for rows and lines\n"
    "\n"
    "examples:\n"
    "  elbow reconstruct runs/a -n 30 -o reconstructions.png\n"
    "  elbow reconstruct runs/molecules -n 10 -o -\n";

typedef struct request {
    elbow_cli_making making;
    int64_t count;
} request;

static elbow_status reconstruct(elbow_cli_making *making) {
    const request *asked = (const request *)making;
    char source[4096];
    elbow_encoded encoded;
    ELBOW_TRY(elbow_cli_making_data(making, true));
    size_t count = (size_t)asked->count, all = elbow_dataset_count(making->dataset, making->part);
    if (count > all) count = all;
    ELBOW_TRY(elbow_make_reconstructions(&making->maker, &making->view, making->part, 0, count, &encoded));
    ELBOW_TRY(elbow_draw_pairs(&encoded.originals, &encoded.made, 0, making->output));
    elbow_notice("%s: %s examples of %s above their reconstructions by %s", making->output,
                 elbow_split_name(making->part), elbow_dataset_path(making->dataset),
                 elbow_cli_making_source(making, source, sizeof source));
    return ELBOW_OK;
}

int cmd_reconstruct(int argc, char **argv) {
    const char *count = NULL;
    request asked = {.count = 50};
    elbow_cli_flag flags[ELBOW_CLI_MAKING_FLAGS + 1] = {
        [ELBOW_CLI_MAKING_FLAGS] = {"--count", "-n", &count, NULL}};
    elbow_cli_making_flags(&asked.making, flags);
    elbow_cli_arguments arguments;
    int code = elbow_cli_parse(&arguments, argc, argv, flags, sizeof flags / sizeof *flags, false, help);
    if (code == ELBOW_CLI_GO) code = elbow_cli_integer("reconstruct", "-n", count, 1, 1000000, &asked.count);
    if (code == ELBOW_CLI_GO && asked.making.output == NULL)
        code = elbow_cli_usage("reconstruct", "give -o FILE");
    if (code != ELBOW_CLI_GO) return code;
    return elbow_cli_making_run(&asked.making, &arguments, reconstruct);
}
