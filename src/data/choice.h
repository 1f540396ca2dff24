/* Columns as users name them: "age,sex" or "1,4-7" or a mixture; a name goes before a number. Local. */
#ifndef ELBOW_SRC_DATA_CHOICE_H
#define ELBOW_SRC_DATA_CHOICE_H

#include <stdbool.h>
#include <stddef.h>

#include "elbow/base/error.h"

/* Sets those of (count) that `text` names, and leaves the others. `named`: the file has a header. ELBOW_USAGE, "FLAG: …",
 * with what is there. */
elbow_status elbow_choose_columns(bool *chosen, char *const *names, size_t count, bool named,
                                  const char *flag, const char *text);

#endif
