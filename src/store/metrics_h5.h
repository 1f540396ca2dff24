/* The tables inside an open file, for metrics.h5 and for checkpoints alike. */
#ifndef ELBOW_SRC_STORE_METRICS_H5_H
#define ELBOW_SRC_STORE_METRICS_H5_H

#include "base/h5.h"
#include "elbow/store/metrics.h"
#include "store/formats.h"

/* `group` is "" for metrics.h5 and "/metrics" for a checkpoint. */
elbow_status elbow_metrics_put(const elbow_metrics *metrics, elbow_h5 *file, const char *group);

/* Creates *metrics with the standard columns, every one of which must be there; empty on failure. */
elbow_status elbow_metrics_get(elbow_metrics *metrics, const elbow_stored *stored, const char *group);

/* The row being filled, as one dataset: checkpoints only. */
elbow_status elbow_metrics_put_partial(const elbow_metrics *metrics, elbow_h5 *file, const char *path);
elbow_status elbow_metrics_get_partial(elbow_metrics *metrics, const elbow_stored *stored, const char *path);

#endif
