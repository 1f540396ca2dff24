/* What evaluate found, for people and for programs. */
#ifndef ELBOW_SRC_CLI_MEASURES_H
#define ELBOW_SRC_CLI_MEASURES_H

#include "elbow/train/measure.h"
#include "elbow/train/model.h"

/* How the figures are to be read. */
typedef struct elbow_reading {
    bool grey;        /* not of observations: nothing is a bound */
    bool continuous;  /* densities: no bits */
    const char *unit; /* "dimension", "value", "symbol": what bits are per; NULL: none */
    bool symbols;     /* and perplexities */
} elbow_reading;

elbow_reading elbow_cli_reading(const elbow_model *model, const elbow_view *view);

/* What has to be known of such figures, where there is something; on the log. */
void elbow_cli_print_reading(const elbow_reading *reading);

/* From −ELBO to the last group of latents; on the log. */
void elbow_cli_print_measures(const elbow_model *model, const elbow_reading *reading,
                              const elbow_measures *measures);

/* The same numbers as lines name,value under a header. ELBOW_IO. */
elbow_status elbow_cli_write_measures(const char *path, const elbow_reading *reading,
                                      const elbow_measures *measures);

#endif
