/* The random stream that a pass names: its purpose, then the part's own name ("latent.0.gumbel"). */
#ifndef ELBOW_SRC_NN_PASS_H
#define ELBOW_SRC_NN_PASS_H

#include <stdio.h>

#include "elbow/base/random.h"
#include "elbow/nn/net.h"

static inline elbow_stream elbow_pass_stream(const elbow_pass *pass, const char *name) {
    char purpose[128];
    snprintf(purpose, sizeof purpose, "%s%s", pass->purpose, name);
    return elbow_stream_make(pass->seed, pass->shard, purpose);
}

#endif
