/* The words of options and flags that are about data. */
#include <stdio.h>
#include <string.h>

#include "data/dataset_inside.h"
#include "elbow/base/options.h"

static const char *const split_names[ELBOW_SPLITS] = {
    [ELBOW_TRAIN] = "train", [ELBOW_VALID] = "valid", [ELBOW_TEST] = "test"};
static const char *const part_names[ELBOW_PARTS] = {
    [ELBOW_X] = "x", [ELBOW_Y] = "y", [ELBOW_CONTEXT] = "context"};
static const char *const binarize_names[] = {[ELBOW_BINARIZE_NONE] = "none",
                                             [ELBOW_BINARIZE_THRESHOLD] = "threshold",
                                             [ELBOW_BINARIZE_DYNAMIC] = "dynamic"};

/* The index of a word among names; ELBOW_USAGE with the nearest. */
static elbow_status find_name(const char *what, const char *word, const char *const *names, size_t count,
                              size_t *index) {
    for (*index = 0; *index < count; ++*index)
        if (strcmp(word, names[*index]) == 0) return ELBOW_OK;
    *index = 0;
    const char *near = elbow_nearest_name(word, names, count);
    return elbow_fail(ELBOW_USAGE, "no %s is called %s; did you mean %s?", what, word,
                      near != NULL ? near : names[0]);
}

const char *elbow_split_name(elbow_split split) { return split_names[split]; }

const char *elbow_part_name(elbow_part part) { return part_names[part]; }

void elbow_dataset_object(char name[ELBOW_OBJECT_BYTES], elbow_split split, elbow_part part,
                          const char *member) {
    snprintf(name, ELBOW_OBJECT_BYTES, "/%s/%s%s%s", split_names[split], part_names[part],
             member != NULL ? "/" : "", member != NULL ? member : "");
}

elbow_status elbow_split_find(const char *name, elbow_split *split) {
    size_t index;
    elbow_status status = find_name("split", name, split_names, ELBOW_SPLITS, &index);
    *split = (elbow_split)index;
    return status;
}

elbow_status elbow_binarize_find(const char *name, elbow_binarize *binarize) {
    size_t index;
    elbow_status status = find_name("binarisation", name, binarize_names,
                                    sizeof binarize_names / sizeof binarize_names[0], &index);
    *binarize = (elbow_binarize)index;
    return status;
}

elbow_status elbow_context_find(const char *name, elbow_part *part) {
    static const char *const names[] = {"none", "labels", "context"};
    static const elbow_part parts[] = {ELBOW_PARTS, ELBOW_Y, ELBOW_CONTEXT};
    size_t index;
    elbow_status status = find_name("context", name, names, sizeof names / sizeof *names, &index);
    *part = parts[index];
    return status;
}
