/* Options that are set and that nothing in a run reads: no error, and worth a word before a long run. */
#ifndef ELBOW_SRC_TRAIN_UNREAD_H
#define ELBOW_SRC_TRAIN_UNREAD_H

#include "elbow/base/options.h"
#include "elbow/optim/optimizer.h"
#include "elbow/vae/vae.h"

/* Calls `say` with a line for each option that is not at its default and has no reader in the model, nor in the optimizer. Local. */
typedef void elbow_unread_say(void *context, const char *text);
elbow_status elbow_unread_find(const elbow_options *options, const elbow_vae *vae,
                               const elbow_optimizer *optimizer, elbow_unread_say *say, void *context);

#endif
