#include "elbow/data/import.h"

#include "base/family.h"
#include "data/import_list.h"

static const elbow_importer *const importers[] = {
    &elbow_import_idx,
    NULL,
};

enum { MEMBERS = sizeof importers / sizeof importers[0] - 1 };

const elbow_importer *const *elbow_importers(void) { return importers; }

elbow_status elbow_importer_find(const char *name, const elbow_importer **importer) {
    size_t i = 0;
    *importer = NULL;
    ELBOW_TRY(elbow_family_find(importers, MEMBERS, "importer", name, &i));
    *importer = importers[i];
    return ELBOW_OK;
}
