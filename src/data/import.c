#include "elbow/data/import.h"

#include <string.h>

#include "data/import_list.h"
#include "elbow/base/options.h"

static const elbow_importer *const importers[] = {
    &elbow_import_idx,
    NULL,
};

enum { MEMBERS = sizeof importers / sizeof importers[0] - 1 };

const elbow_importer *const *elbow_importers(void) { return importers; }

elbow_status elbow_importer_find(const char *name, const elbow_importer **importer) {
    const char *names[MEMBERS];
    *importer = NULL;
    for (size_t i = 0; i < MEMBERS; i++) {
        names[i] = importers[i]->name;
        if (strcmp(name, names[i]) == 0) *importer = importers[i];
    }
    if (*importer != NULL) return ELBOW_OK;
    const char *near = elbow_nearest_name(name, names, MEMBERS);
    return elbow_fail(ELBOW_USAGE, "no importer is called %s; %s%s%s", name,
                      near != NULL ? "did you mean " : "",
                      near != NULL ? near : "elbow import --help lists them", near != NULL ? "?" : "");
}
