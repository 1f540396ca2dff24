/* Options by name, and models that are refused for them. */
#ifndef ELBOW_TESTS_GRADIENT_SETTINGS_H
#define ELBOW_TESTS_GRADIENT_SETTINGS_H

#include "differences.h"

#include <stdio.h>
#include <string.h>

#include "elbow/vae/vae.h"

static inline void set(elbow_options *options, const char *key, const char *value) {
    char text[256];
    snprintf(text, sizeof text, "%s=%s", key, value);
    assert_int_equal(elbow_options_set(options, text), ELBOW_OK);
}

/* A model of x is refused: the message blames that option before its colon, and has the mend. `number` is the case's. */
static inline void expect_refused(const elbow_options *options, const elbow_field *x, const char *blamed,
                                  const char *mend, size_t number) {
    elbow_vae *vae = NULL;
    assert_int_equal(elbow_vae_create(&vae, options, x, NULL), ELBOW_USAGE);
    const char *text = elbow_error_message(), *colon = strchr(text, ':');
    if (!colon || !strstr(text, blamed) || strstr(text, blamed) > colon || !strstr(text, mend))
        fail_msg("case %zu: %s", number, text);
}

#endif
