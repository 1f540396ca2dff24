/* Folders of pictures: which there are, and of which class.
 *
 *     FOLDER/NAME.png            without labels
 *     FOLDER/CLASS/NAME.png      labels are the names of the folders
 *
 * In the order of names (of bytes): classes, then pictures. Hidden ones are none. Local. */
#ifndef ELBOW_SRC_DATA_FOLDER_H
#define ELBOW_SRC_DATA_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "elbow/base/error.h"

typedef struct elbow_folder {
    char **paths;    /* (count) */
    size_t *classes; /* (count), where there are names */
    size_t count;
    char **names; /* (named) of the classes; none: there are no labels */
    size_t named;
    size_t others; /* files of other endings, left out */
} elbow_folder;

/* `ending` is ".png", which may be written large. ELBOW_IO; ELBOW_FORMAT where pictures are both beside and in folders.
 * `folder` may be destroyed whatever the outcome. */
elbow_status elbow_folder_read(elbow_folder *folder, const char *path, const char *ending);
void elbow_folder_destroy(elbow_folder *folder);

#endif
