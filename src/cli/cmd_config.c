/* elbow config: the options of a run, without a run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "elbow/train/run.h"

static const char help[] =
    "elbow config: the options of a run\n"
    "\n"
    "  elbow config                      every option, explained, with its default: a config to begin from\n"
    "  elbow config NAME                 what an option (train.batch) or a section (train) means\n"
    "  elbow config FILE                 every option in force for FILE\n"
    "  elbow config --check FILE         says \"FILE: ok\", or what is wrong, and where\n"
    "\n"
    "      --set SECTION.KEY=VALUE       over the file or the defaults; may be repeated\n"
    "      --comments                    explain every option of FILE too\n"
    "\n"
    "NAME is a file where there is one of that name.\n"
    "\n"
    "Example:\n"
    "  elbow config configs/categorical-mnist.ini --set train.batch=200 > my.ini\n";

static bool is_there(const char *path) {
    struct stat info;
    return stat(path, &info) == 0;
}

/* A name looks like a path where it holds a slash or ends in .ini. */
static bool looks_like_path(const char *name) {
    size_t length = strlen(name);
    return strchr(name, '/') != NULL || (length >= 4 && strcmp(name + length - 4, ".ini") == 0);
}

static elbow_status explain(const char *name) {
    char *text = NULL;
    elbow_status status = elbow_options_explain(name, &text);
    if (status != ELBOW_OK) return elbow_fail_prefix(status, "%s: no such file, and no option", name);
    fputs(text, stdout);
    free(text);
    return ELBOW_OK;
}

/* Reads, checks what the options mean together, and prints. `file` is NULL for the defaults. */
static elbow_status show(const char *file, const elbow_cli_arguments *arguments, bool check, bool comments) {
    elbow_options *options = NULL;
    char *text = NULL;
    elbow_status status = elbow_cli_options(&options, file, arguments);
    if (status != ELBOW_OK) return status;
    ELBOW_TRY_OR_DONE(elbow_train_check(options, NULL, NULL));
    if (check) {
        printf("%s: ok\n", file);
        goto done;
    }
    ELBOW_TRY_OR_DONE(elbow_options_dump(options, comments, &text));
    fputs(text, stdout);
done:
    free(text);
    elbow_options_destroy(&options);
    return status;
}

int cmd_config(int argc, char **argv) {
    bool check = false, comments = false;
    const elbow_cli_flag flags[] = {{"--check", NULL, NULL, &check}, {"--comments", NULL, NULL, &comments}};
    elbow_cli_arguments arguments;
    int code = elbow_cli_parse(&arguments, argc, argv, flags, 2, true, help);
    if (code != ELBOW_CLI_GO) return code;
    if (arguments.count > 1) return elbow_cli_usage(argv[0], "give one FILE or NAME at a time");
    if (check && arguments.count == 0) return elbow_cli_usage(argv[0], "--check needs a FILE");

    const char *name = arguments.count == 1 ? arguments.plain[0] : NULL;
    if (name != NULL && !check && !is_there(name) && !looks_like_path(name))
        return elbow_cli_report(explain(name));
    return elbow_cli_report(show(name, &arguments, check, comments || name == NULL));
}
