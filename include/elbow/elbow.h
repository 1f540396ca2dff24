/* All of libelbow: one include for a program that embeds it. Each header says what its part does. */
#ifndef ELBOW_ELBOW_H
#define ELBOW_ELBOW_H

#include "elbow/base/arena.h"
#include "elbow/base/error.h"
#include "elbow/base/log.h"
#include "elbow/base/options.h"
#include "elbow/base/random.h"
#include "elbow/base/real.h"
#include "elbow/data/dataset.h"
#include "elbow/data/import.h"
#include "elbow/data/order.h"
#include "elbow/nn/net.h"
#include "elbow/nn/params.h"
#include "elbow/optim/optimizer.h"
#include "elbow/optim/schedule.h"
#include "elbow/parallel/exchange.h"
#include "elbow/parallel/world.h"
#include "elbow/store/checkpoint.h"
#include "elbow/store/metrics.h"
#include "elbow/store/picture.h"
#include "elbow/version.h"

#endif
