/* Any text as the description of a field: a refusal, or a field whose own text gives it back. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "elbow/data/field.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);
int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    elbow_field field, back;
    char *text = malloc(count + 1), *first = NULL, *second = NULL;
    if (text == NULL) abort();
    if (count > 0) memcpy(text, bytes, count);
    text[count] = '\0';
    if (elbow_field_parse(&field, text, "fuzz") == ELBOW_OK) {
        if (elbow_field_describe(&field, &first) != ELBOW_OK) abort();
        if (elbow_field_parse(&back, first, "fuzz") != ELBOW_OK) abort();
        if (elbow_field_describe(&back, &second) != ELBOW_OK || strcmp(first, second) != 0) abort();
        if (elbow_field_match(&field, &back, "fuzz") != ELBOW_OK) abort();
        if (elbow_field_input_width(&field) != elbow_field_input_width(&back)) abort();
        elbow_field_destroy(&back);
        elbow_field_destroy(&field);
    }
    free(text);
    free(first);
    free(second);
    return 0;
}
