/* elbow import: files as they come from elsewhere → one data file. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "elbow/data/dataset.h"
#include "elbow/data/import.h"

static const char import_help[] =
    "elbow import FORMAT [ARGUMENT]... -o DATA.h5: makes a data file from files as they come from elsewhere\n"
    "\n"
    "FORMAT:\n";

static const char import_help_end[] =
    "\n"
    "  elbow import FORMAT --help    what a format takes\n"
    "\n"
    "Example:\n"
    "  elbow import idx --train train-images-idx3-ubyte.gz --test t10k-images-idx3-ubyte.gz -o mnist.h5\n";

static const char idx_help[] =
    "elbow import idx --train IMAGES --test IMAGES -o DATA.h5 [ARGUMENT]...\n"
    "\n"
    "Makes a data file from IDX files (MNIST, Fashion-MNIST, binarised MNIST and their kin), plain or gzip.\n"
    "\n"
    "  --train IMAGES          images to train on (magic 0x00000803)\n"
    "  --test IMAGES           images to test on\n"
    "  --valid IMAGES          images to choose the best checkpoint by; optional\n"
    "  --train-labels LABELS   labels of the same examples (magic 0x00000801); optional\n"
    "  --test-labels LABELS\n"
    "  --valid-labels LABELS\n"
    "  -o, --output DATA.h5    the file to make; it is whole or not there\n"
    "  --force                 replace DATA.h5 where it exists\n"
    "\n"
    "Where all values of all splits are 0 and 1, 1 is full white; else 255 is.\n"
    "\n"
    "Examples:\n"
    "  elbow import idx --train train-images-idx3-ubyte.gz --train-labels train-labels-idx1-ubyte.gz \\\n"
    "                   --test t10k-images-idx3-ubyte.gz --test-labels t10k-labels-idx1-ubyte.gz -o "
    "mnist.h5\n"
    "  elbow import idx --train train.gz --valid valid.gz --test test.gz -o binarized-mnist.h5\n";

static void print_formats(void) {
    fputs(import_help, stdout);
    for (const elbow_importer *const *importer = elbow_importers(); *importer != NULL; importer++)
        printf("  %-8s %s\n", (*importer)->name, (*importer)->summary);
    fputs(import_help_end, stdout);
}

static void print_summary(const elbow_dataset *dataset) {
    struct stat info;
    const elbow_field *field = elbow_dataset_field(dataset);
    double megabytes = stat(elbow_dataset_path(dataset), &info) == 0 ? (double)info.st_size / 1e6 : 0;
    printf("%s: %.1f MB, checksum %s\n", elbow_dataset_path(dataset), megabytes,
           elbow_dataset_checksum(dataset));
    printf("  images   %zu×%zu", field->height, field->width);
    if (field->channels > 1) printf("×%zu", field->channels);
    if (field->binary)
        printf(", binary (0 and %u)\n", field->maximum);
    else
        printf(", grey (0 to %u)\n", field->maximum);
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++) {
        size_t count = elbow_dataset_count(dataset, split);
        if (count == 0) continue;
        printf("  %-8s %zu examples", elbow_split_name(split), count);
        if (elbow_dataset_has_labels(dataset, split))
            printf(", labels of %zu classes", elbow_dataset_classes(dataset));
        puts("");
    }
}

static int import_idx(const elbow_importer *importer, int argc, char **argv) {
    elbow_import_request request = {.output = NULL};
    elbow_dataset *dataset = NULL;
    const elbow_cli_flag flags[] = {
        {"--train", NULL, &request.inputs[ELBOW_TRAIN], NULL},
        {"--valid", NULL, &request.inputs[ELBOW_VALID], NULL},
        {"--test", NULL, &request.inputs[ELBOW_TEST], NULL},
        {"--train-labels", NULL, &request.labels[ELBOW_TRAIN], NULL},
        {"--valid-labels", NULL, &request.labels[ELBOW_VALID], NULL},
        {"--test-labels", NULL, &request.labels[ELBOW_TEST], NULL},
        {"--output", "-o", &request.output, NULL},
        {"--force", NULL, NULL, &request.overwrite},
    };
    elbow_cli_arguments arguments;
    int code =
        elbow_cli_parse(&arguments, argc, argv, flags, sizeof flags / sizeof flags[0], false, idx_help);
    if (code != ELBOW_CLI_GO) return code;
    if (arguments.count > 0)
        return elbow_cli_usage(argv[0], "%s belongs to no flag; images are given as --train %s",
                               arguments.plain[0], arguments.plain[0]);
    if (request.inputs[ELBOW_TRAIN] == NULL) return elbow_cli_usage(argv[0], "--train IMAGES is missing");
    if (request.inputs[ELBOW_TEST] == NULL) return elbow_cli_usage(argv[0], "--test IMAGES is missing");
    if (request.output == NULL) return elbow_cli_usage(argv[0], "-o DATA.h5 is missing: the file to make");
    elbow_status status = importer->import(&request);
    if (status == ELBOW_OK) status = elbow_dataset_open(&dataset, request.output);
    if (status == ELBOW_OK) print_summary(dataset);
    elbow_dataset_close(&dataset);
    return elbow_cli_report(status);
}

int cmd_import(int argc, char **argv) {
    const elbow_importer *importer = NULL;
    if (argc < 2) return elbow_cli_usage("import", "say what is imported: elbow import idx …");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_formats();
        return 0;
    }
    if (argv[1][0] == '-')
        return elbow_cli_usage("import", "the format comes first: elbow import idx %s …", argv[1]);
    elbow_status status = elbow_importer_find(argv[1], &importer);
    if (status != ELBOW_OK) return elbow_cli_usage("import", "%s", elbow_error_message());
    char command[64];
    snprintf(command, sizeof command, "import %s", importer->name);
    argv[1] = command;
    return import_idx(importer, argc - 1, argv + 1);
}
