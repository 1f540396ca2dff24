/* A trained model for use: what evaluate, sample and reconstruct open. */
#ifndef ELBOW_TRAIN_MODEL_H
#define ELBOW_TRAIN_MODEL_H

#include "elbow/base/options.h"
#include "elbow/data/loader.h"
#include "elbow/parallel/world.h"
#include "elbow/store/checkpoint.h"
#include "elbow/vae/vae.h"

typedef struct elbow_model {
    elbow_options *options;       /* as the run had them */
    elbow_checkpoint *checkpoint; /* every rank's copy; NULL: it was not trained */
    elbow_vae *vae;               /* reserved for 256 rows, evaluation only */
    real *parameters;             /* in vae's layout */
    char *file;                   /* the checkpoint's path, or NULL */
    double temperature;           /* at the checkpoint's step */
    const char *words;            /* ", average of the weights", or "": for lines that name the model */
} elbow_model;

/* Opens a checkpoint, or the newest good one of a run directory; `weights` is elbow_checkpoint_weights' `which`. Every
 * rank reads the file that rank 0 chose. Collective. */
elbow_status elbow_model_open(elbow_model **model, elbow_world *world, const char *path, const char *weights);
/* What a run of these options begins with. Takes ownership of them, also when it fails. Collective. */
elbow_status elbow_model_untrained(elbow_model **model, elbow_world *world, elbow_options *options);
void elbow_model_close(elbow_model **model);

/* Opens the data that the model is used on: `path`, or the run's own data.file where it is NULL. ELBOW_MISMATCH where its
 * examples are of another kind; a note in the log where the file is not the one it was trained on. Local. */
elbow_status elbow_model_data(elbow_dataset **dataset, elbow_view *view, const elbow_model *model,
                              const char *path);

#endif
