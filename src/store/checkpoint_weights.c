#include <string.h>

#include "elbow/optim/optimizer.h"
#include "elbow/store/checkpoint.h"

elbow_status elbow_checkpoint_weights(const elbow_checkpoint *checkpoint, const char *which,
                                      const real **values, bool *averaged, const char *subject) {
    const real *average = NULL;
    for (size_t s = 0; s < checkpoint->slots; s++)
        if (strcmp(checkpoint->slot_names[s], ELBOW_AVERAGE_SLOT) == 0) average = checkpoint->slot_values[s];
    bool last = which != NULL && strcmp(which, "last") == 0;
    ELBOW_CHECK(which == NULL || last || strcmp(which, "average") == 0, ELBOW_USAGE,
                "no weights \"%s\"; choose average or last", which);
    ELBOW_CHECK(
        which == NULL || last || average != NULL, ELBOW_USAGE,
        "%s has no average of the weights, as its run had optimizer.average = 0; leave --weights away, "
        "or say last",
        subject);
    *averaged = average != NULL && !last;
    *values = *averaged ? average : checkpoint->parameters;
    return ELBOW_OK;
}
