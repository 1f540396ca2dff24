#include "cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "elbow/base/number.h"

enum { USAGE_EXIT = 2, STOPPED_EXIT = 75, MOST_FLAGS = 64, MESSAGE = 4096 };

int elbow_cli_report(elbow_status status) {
    if (status == ELBOW_OK) return 0;
    if (status == ELBOW_STOPPED) return STOPPED_EXIT;
    elbow_log_progress(NULL);
    fflush(stdout); /* what was said before the error comes before it */
    if (elbow_log_speaks()) fprintf(stderr, "elbow: %s\n", elbow_error_message());
    return status == ELBOW_USAGE ? USAGE_EXIT : 1;
}

int elbow_cli_weights(const char *command, const char *text) {
    if (text == NULL || strcmp(text, "average") == 0 || strcmp(text, "last") == 0) return ELBOW_CLI_GO;
    return elbow_cli_usage(command, "--weights is average or last, and `%s` is neither", text);
}

int elbow_cli_in_world(elbow_log_level level, elbow_status (*work)(elbow_world *world, void *context),
                       void *context) {
    elbow_world *world = NULL;
    elbow_status status = elbow_world_open(&world, NULL, NULL);
    if (status == ELBOW_OK) {
        elbow_log_open(world->rank == 0, level);
        status = work(world, context);
    }
    int code = elbow_cli_report(status);
    elbow_world_close(&world);
    return code;
}

int elbow_cli_usage(const char *command, const char *format, ...) {
    if (!elbow_log_speaks()) return USAGE_EXIT;
    char message[MESSAGE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    fflush(stdout);
    /* One write: a launcher mixes the pieces of several with lines of its own. */
    fprintf(stderr, "elbow %s: %s; see `elbow %s --help`\n", command, message, command);
    return USAGE_EXIT;
}

int elbow_cli_finish(int code) {
    bool failed = ferror(stdout) != 0;
    if (fflush(stdout) != 0 || failed) {
        fprintf(stderr, "elbow: standard output: the text could not be written; is the disk full?\n");
        return code == 0 ? 1 : code;
    }
    return code;
}

/* A value of a flag: the text after '=', or the next argument. NULL after saying what is wrong. */
static const char *take_value(const char *flag, const char *equals, int argc, char **argv, int *i) {
    if (equals != NULL) return equals + 1;
    if (*i + 1 < argc) return argv[++*i];
    elbow_cli_usage(argv[0], "%s needs a value", flag);
    return NULL;
}

static int unknown_flag(const char *command, const char *word, size_t length, const elbow_cli_flag *flags,
                        size_t flag_count, bool sets) {
    const char *names[MOST_FLAGS];
    size_t count = 0;
    names[count++] = "--help";
    if (sets) names[count++] = "--set";
    for (size_t f = 0; f < flag_count && count < MOST_FLAGS; f++) names[count++] = flags[f].name;
    char given[64];
    snprintf(given, sizeof given, "%.*s", (int)(length < 60 ? length : 60), word);
    const char *nearest = elbow_nearest_name(given, names, count);
    if (nearest == NULL) return elbow_cli_usage(command, "unknown argument `%s`", given);
    return elbow_cli_usage(command, "unknown argument `%s`; `%s` is near", given, nearest);
}

static bool same_word(const char *known, const char *word, size_t length) {
    return known != NULL && strlen(known) == length && memcmp(known, word, length) == 0;
}

/* One flag at argv[*i]; moves *i over its value. */
static int take_flag(elbow_cli_arguments *arguments, int argc, char **argv, int *i,
                     const elbow_cli_flag *flags, size_t flag_count, bool sets) {
    const char *word = argv[*i];
    const char *equals = strncmp(word, "--", 2) == 0 ? strchr(word, '=') : NULL;
    size_t length = equals == NULL ? strlen(word) : (size_t)(equals - word);

    if (sets && same_word("--set", word, length)) {
        const char *value = take_value("--set", equals, argc, argv, i);
        if (value == NULL) return USAGE_EXIT;
        if (arguments->set_count == ELBOW_CLI_SETS)
            return elbow_cli_usage(argv[0], "more than %d --set; write a config file", (int)ELBOW_CLI_SETS);
        arguments->sets[arguments->set_count++] = value;
        return ELBOW_CLI_GO;
    }
    for (size_t f = 0; f < flag_count; f++) {
        if (!same_word(flags[f].name, word, length) && !same_word(flags[f].letter, word, length)) continue;
        if (flags[f].on != NULL) {
            if (equals != NULL) return elbow_cli_usage(argv[0], "%s takes no value", flags[f].name);
            *flags[f].on = true;
            return ELBOW_CLI_GO;
        }
        if (*flags[f].value != NULL) return elbow_cli_usage(argv[0], "%s is given twice", flags[f].name);
        *flags[f].value = take_value(flags[f].name, equals, argc, argv, i);
        if (*flags[f].value == NULL) return USAGE_EXIT;
        /* Mostly a script's variable that is not set. What marks a missing value in somebody's file may be nothing. */
        if (**flags[f].value == 0 && strncmp(argv[0], "import", 6) != 0)
            return elbow_cli_usage(argv[0], "the value of %s is empty", flags[f].name);
        return ELBOW_CLI_GO;
    }
    return unknown_flag(argv[0], word, length, flags, flag_count, sets);
}

int elbow_cli_parse(elbow_cli_arguments *arguments, int argc, char **argv, const elbow_cli_flag *flags,
                    size_t flag_count, bool sets, const char *help) {
    memset(arguments, 0, sizeof *arguments);
    arguments->command = argv[0];
    bool plain_only = false;
    for (int i = 1; i < argc; i++) {
        /* A lone "-" is plain: where a command takes it, it is standard input. */
        if (plain_only || argv[i][0] != '-' || argv[i][1] == '\0') {
            if (arguments->count == ELBOW_CLI_PLAIN)
                return elbow_cli_usage(argv[0], "more than %d arguments", (int)ELBOW_CLI_PLAIN);
            if (argv[i][0] == '\0') return elbow_cli_usage(argv[0], "an argument is empty");
            arguments->plain[arguments->count++] = argv[i];
        } else if (strcmp(argv[i], "--") == 0) {
            plain_only = true;
        } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            if (elbow_log_speaks()) fputs(help, stdout);
            return elbow_cli_finish(0);
        } else {
            int code = take_flag(arguments, argc, argv, &i, flags, flag_count, sets);
            if (code != ELBOW_CLI_GO) return code;
        }
    }
    return ELBOW_CLI_GO;
}

elbow_status elbow_cli_options(elbow_options **options, const char *config,
                               const elbow_cli_arguments *arguments) {
    elbow_status status = ELBOW_OK;
    ELBOW_TRY(elbow_options_create(options));
    if (config != NULL) ELBOW_TRY_OR_DONE(elbow_options_load(*options, config));
    for (size_t i = 0; i < arguments->set_count; i++)
        ELBOW_TRY_OR_DONE(elbow_options_set(*options, arguments->sets[i]));
done:
    if (status != ELBOW_OK) elbow_options_destroy(options);
    return status;
}

int elbow_cli_integer(const char *command, const char *flag, const char *text, int64_t least, int64_t most,
                      int64_t *value) {
    if (text == NULL || elbow_number_integer(text, least, most, value) == ELBOW_OK) return ELBOW_CLI_GO;
    return elbow_cli_usage(command, "%s: %s", flag, elbow_error_message());
}

int elbow_cli_real(const char *command, const char *flag, const char *text, double least, double most,
                   double *value) {
    if (text == NULL || elbow_number_real(text, least, most, value) == ELBOW_OK) return ELBOW_CLI_GO;
    return elbow_cli_usage(command, "%s: %s", flag, elbow_error_message());
}
