/* The tables inside an open file, for metrics.h5 and for checkpoints alike. */
#ifndef ELBOW_SRC_STORE_METRICS_H5_H
#define ELBOW_SRC_STORE_METRICS_H5_H

#include "base/h5.h"
#include "elbow/store/metrics.h"

/* `group` is "" for metrics.h5 and "/metrics" for a checkpoint. */
elbow_status elbow_metrics_put(const elbow_metrics *metrics, elbow_h5 *file, const char *group);
elbow_status elbow_metrics_get(elbow_metrics *metrics, elbow_h5 *file, const char *group);

#endif
