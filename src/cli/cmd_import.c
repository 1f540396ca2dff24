/* elbow import: files as they come from elsewhere → one data file. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "elbow/data/dataset.h"
#include "elbow/data/import.h"
#include "fields.h"

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

static void print_formats(void) {
    fputs(import_help, stdout);
    for (const elbow_importer *const *importer = elbow_importers(); *importer != NULL; importer++)
        printf("  %-8s %s\n", (*importer)->name, (*importer)->summary);
    fputs(import_help_end, stdout);
}

static void print_summary(const elbow_dataset *dataset) {
    struct stat info;
    double megabytes = stat(elbow_dataset_path(dataset), &info) == 0 ? (double)info.st_size / 1e6 : 0;
    printf("%s: %.1f MB\n", elbow_dataset_path(dataset), megabytes);
    elbow_cli_print_data(dataset);
}

/* ------------------------------------------------------------------------------------------- flags */

enum { FLAGS_MOST = ELBOW_IMPORT_COMMON + ELBOW_IMPORT_FLAGS, HELP_BYTES = 16384, FLAG_WIDTH = 26 };

/* The common flags and the importer's own, and where the command line puts their values. */
typedef struct flag_list {
    elbow_import_flag flags[FLAGS_MOST];
    const char *values[FLAGS_MOST];
    bool on[FLAGS_MOST];
    size_t count, common;
} flag_list;

static void list_flags(flag_list *list, const elbow_importer *importer) {
    memset(list, 0, sizeof *list);
    list->common = list->count = elbow_import_common(importer, list->flags);
    for (const elbow_import_flag *flag = importer->flags; flag != NULL && flag->name != NULL; flag++)
        list->flags[list->count++] = *flag;
}

/* Adds to a text of HELP_BYTES; what does not fit is cut. */
static void add(char *help, const char *format, ...) ELBOW_PRINTF(2, 3);
static void add(char *help, const char *format, ...) {
    size_t used = strlen(help);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(help + used, HELP_BYTES - used, format, arguments);
    va_end(arguments);
}

/* "  --flag VALUE            help", the lines of a longer one below each other. */
static void add_flag(char *help, const elbow_import_flag *flag) {
    char name[64];
    bool output = strcmp(flag->name, "--output") == 0;
    snprintf(name, sizeof name, "%s%s%s%s", output ? "-o, " : "", flag->name, flag->value != NULL ? " " : "",
             flag->value != NULL ? flag->value : "");
    add(help, "  %-*s", flag->help != NULL || flag->fallback != NULL ? FLAG_WIDTH : 0, name);
    if (strlen(name) > FLAG_WIDTH) add(help, "\n  %*s", FLAG_WIDTH, "");
    for (const char *line = flag->help; line != NULL && *line != '\0';) {
        size_t length = strcspn(line, "\n");
        if (line != flag->help) add(help, "\n  %*s", FLAG_WIDTH, "");
        add(help, "%.*s", (int)length, line);
        line += length + (line[length] == '\n');
    }
    if (flag->fallback != NULL) add(help, " (%s)", flag->fallback);
    add(help, "\n");
}

static void make_help(char *help, const elbow_importer *importer, const flag_list *list) {
    const char *input = importer->input;
    help[0] = '\0';
    if (importer->takes & ELBOW_IMPORT_CUT)
        add(help, "elbow import %s %s -o DATA.h5 [ARGUMENT]...\n", importer->name, input);
    if (importer->takes & ELBOW_IMPORT_SPLITS)
        add(help, "elbow import %s --train %s --test %s -o DATA.h5 [ARGUMENT]...\n", importer->name, input,
            input);
    add(help, "\n%s\n", importer->about);
    for (size_t i = 0; i < list->common; i++) add_flag(help, &list->flags[i]);
    if (list->count > list->common) add(help, "\n");
    for (size_t i = list->common; i < list->count; i++) add_flag(help, &list->flags[i]);
    add(help, "\nExamples:\n%s", importer->examples);
}

/* What the command line says, to the request. */
static elbow_status fill_request(elbow_import_request *request, const flag_list *list,
                                 const elbow_cli_arguments *arguments) {
    for (size_t i = 0; i < list->count; i++)
        if (list->values[i] != NULL || list->on[i])
            ELBOW_TRY(elbow_import_set(request, list->flags[i].name, list->values[i]));
    if (arguments->count == 0) return ELBOW_OK;
    ELBOW_CHECK(request->input == NULL, ELBOW_USAGE, "%s belongs to no flag; the input is %s",
                arguments->plain[0], request->input);
    return elbow_import_set(request, "--input", arguments->plain[0]);
}

/* ------------------------------------------------------------------------------------------ command */

static int import(const elbow_importer *importer, int argc, char **argv) {
    static char help[HELP_BYTES];
    flag_list list;
    elbow_cli_flag flags[FLAGS_MOST];
    elbow_cli_arguments arguments;
    elbow_import_request request;
    elbow_dataset *dataset = NULL;
    list_flags(&list, importer);
    make_help(help, importer, &list);
    for (size_t i = 0; i < list.count; i++) {
        bool takes_value = list.flags[i].value != NULL;
        flags[i] = (elbow_cli_flag){
            .name = list.flags[i].name,
            .letter = strcmp(list.flags[i].name, "--output") == 0 ? "-o" : NULL,
            .value = takes_value ? &list.values[i] : NULL,
            .on = takes_value ? NULL : &list.on[i],
        };
    }
    int code = elbow_cli_parse(&arguments, argc, argv, flags, list.count, false, help);
    if (code != ELBOW_CLI_GO) return code;
    if (arguments.count > 0 && (importer->takes & ELBOW_IMPORT_CUT) == 0)
        return elbow_cli_usage(argv[0], "%s belongs to no flag; %s are given as --train %s",
                               arguments.plain[0], importer->input, arguments.plain[0]);
    if (arguments.count > 1)
        return elbow_cli_usage(argv[0],
                               "%s belongs to no flag; one %s is cut into splits, or give --train and --test",
                               arguments.plain[1], importer->input);
    elbow_status status = elbow_import_begin(&request, importer->name);
    if (status == ELBOW_OK) status = fill_request(&request, &list, &arguments);
    if (status == ELBOW_OK) status = elbow_import_run(&request);
    if (status == ELBOW_USAGE) return elbow_cli_usage(argv[0], "%s", elbow_error_message());
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
    return import(importer, argc - 1, argv + 1);
}
