/* Checkpoints of any content (describe_h5.h). The seal over their parts would refuse what changed: where nothing else
 * does, it is made right, and the file must then be read. What is read can be written, and reads back as the same. */
#include "fuzz/describe_h5.h"

#include "elbow/base/options.h"
#include "elbow/store/checkpoint.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    fuzz_begin("input.h5");
    return 0;
}

/* The line that makes the seal right, from the message that it is not. */
static bool mend_seal(char line[128]) {
    static const char before[] = ", content ";
    const char *at = strstr(elbow_error_message(), before);
    if (at == NULL || strstr(elbow_error_message(), "do not belong together") == NULL) return false;
    snprintf(line, 128, "a /run seal s %.32s", at + sizeof before - 1);
    return true;
}

static void use(const elbow_checkpoint *c, bool write) {
    elbow_field field, context;
    elbow_options *options = NULL;
    bool given = false;
    char before[33], after[33];
    elbow_checkpoint *back = NULL;
    if (elbow_checkpoint_get_field(c, &field, "fuzz") == ELBOW_OK) elbow_field_destroy(&field);
    if (elbow_checkpoint_get_context(c, &context, &given, "fuzz") == ELBOW_OK) elbow_field_destroy(&context);
    DEMAND(elbow_options_create(&options) == ELBOW_OK);
    if (c->config != NULL) (void)elbow_options_parse(options, c->config, "fuzz");
    elbow_options_destroy(&options);
    if (!write) return; /* it takes as long as all else together */
    DEMAND(elbow_checkpoint_write(c, fuzz_output) == ELBOW_OK);
    DEMAND(elbow_checkpoint_read(&back, fuzz_output) == ELBOW_OK);
    elbow_checkpoint_digest(c, before);
    elbow_checkpoint_digest(back, after);
    DEMAND(strcmp(before, after) == 0);
    elbow_checkpoint_destroy(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    elbow_checkpoint *c = NULL;
    char line[128], *file = NULL;
    fuzz_make_h5(bytes, count, NULL);
    elbow_status status = elbow_checkpoint_read(&c, fuzz_input);
    if (status != ELBOW_OK) DEMAND_MESSAGE(fuzz_input);
    if (status != ELBOW_OK && mend_seal(line)) {
        fuzz_make_h5(bytes, count, line);
        status = elbow_checkpoint_find(&c, &file, fuzz_input);
        free(file);
    }
    if (status == ELBOW_OK) use(c, XXH64(bytes, count, 0) % 4 == 0);
    elbow_checkpoint_destroy(&c);
    return 0;
}
