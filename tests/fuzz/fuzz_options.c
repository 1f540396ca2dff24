/* The option parser on any bytes: no crash, no leak; what it takes, its own dump gives back; what it refuses
 * leaves the options as they were. The first byte 0x01 says that the rest are --set arguments, one a line. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elbow/base/options.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int condition, const char *what) {
    if (condition) return;
    fprintf(stderr, "%s; the last message: %s\n", what, elbow_error_message());
    abort();
}

static char *dump(const elbow_options *options) {
    char *text = NULL;
    demand(elbow_options_dump(options, false, &text) == ELBOW_OK, "no dump");
    return text;
}

static void round_trip(const elbow_options *options) {
    elbow_options *back = NULL;
    char *text = dump(options), *again = NULL;
    demand(elbow_options_create(&back) == ELBOW_OK, "no options");
    demand(elbow_options_parse(back, text, "dump") == ELBOW_OK, "a dump is refused");
    again = dump(back);
    demand(strcmp(text, again) == 0, "a dump came back otherwise");
    free(text);
    free(again);
    elbow_options_destroy(&back);
}

static void set_lines(elbow_options *options, char *text) {
    for (char *line = text; line != NULL;) {
        char *end = strchr(line, '\n');
        if (end != NULL) *end++ = '\0';
        elbow_status status = elbow_options_set(options, line);
        demand(status == ELBOW_OK || status == ELBOW_USAGE, "an odd status");
        line = end;
    }
}

static void parse(elbow_options *options, const char *text) {
    char *before = dump(options);
    elbow_status status = elbow_options_parse(options, text, "fuzz");
    demand(status == ELBOW_OK || status == ELBOW_USAGE, "an odd status");
    if (status != ELBOW_OK) {
        demand(strncmp(elbow_error_message(), "fuzz:", 5) == 0, "a message without file and line");
        char *after = dump(options);
        demand(strcmp(before, after) == 0, "a refused file changed the options");
        free(after);
    }
    free(before);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    elbow_options *options = NULL;
    char *text = malloc(size + 1);
    if (text == NULL) return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    demand(elbow_options_create(&options) == ELBOW_OK, "no options");
    if (text[0] == '\x01')
        set_lines(options, text + 1);
    else
        parse(options, text);
    round_trip(options);
    elbow_options_destroy(&options);
    free(text);
    return 0;
}
