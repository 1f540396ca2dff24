/* struct elbow_options, made from options.def: options->train.batch. Included by options.h only. */
#ifndef ELBOW_BASE_OPTIONS_STRUCT_H
#define ELBOW_BASE_OPTIONS_STRUCT_H

#define SECTION(section, help) struct {
#define END(section)                                                                                         \
    }                                                                                                        \
    section;
#define INTEGER(section, key, value, least, most, role, help) int64_t key;
#define REAL(section, key, value, least, most, role, help)    double key;
#define TEXT(section, key, value, role, help)                 elbow_option_text key;
#define SCHEDULE(section, key, value, role, help)             elbow_option_text key;
#define CHOICE(section, key, value, choices, role, help)      elbow_option_text key;
#define SWITCH(section, key, value, role, help)               bool key;
#define DURATION(section, key, value, role, help)             double key; /* seconds */

struct elbow_options {
#include "elbow/base/options.def"
    struct elbow_origins *origins; /* where each value came from; owned */
};

#endif
