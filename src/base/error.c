#include "elbow/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_BYTES = 4096 };

static _Thread_local char message[MESSAGE_BYTES];

elbow_status elbow_fail(elbow_status status, const char *format, ...) {
    char text[MESSAGE_BYTES]; /* apart from `message`, which may be among the arguments */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    memcpy(message, text, sizeof message);
    return status;
}

elbow_status elbow_fail_prefix(elbow_status status, const char *format, ...) {
    char text[MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length >= 0 && (size_t)length < sizeof text - 2) {
        snprintf(text + length, sizeof text - (size_t)length, ": %.*s", MESSAGE_BYTES - 3 - length, message);
        memcpy(message, text, sizeof message);
    }
    return status;
}

const char *elbow_error_message(void) { return message[0] ? message : "unknown error"; }
