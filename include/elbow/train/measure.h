/* What is measured of a trained model on a split: bounds, what they are per dimension, what each group of latents
 * carries, and what a model without latents reaches. The same bits for every rank count.
 *
 * A group's measures, q̄(z) being the aggregate posterior, the mean of q(z|x) over the examples:
 *
 *     active        gaussian: variables with Var_x(E[z|x]) > 0.01 (Burda, Grosse & Salakhutdinov 2016)
 *                   discrete: variables with mean KL(q(z_l|x) ‖ p(z_l)) > 0.01 nats, or, where the prior gives no
 *                   distribution of a single variable, with mean KL(q(z_l|x) ‖ q̄(z_l)) > 0.01 nats
 *     perplexity    discrete: exp H(q̄(z_l)) of a variable, from 1 to its number of codes
 *     codes used    discrete: how many (variable, code) are the most probable one of some example; the others are dead
 *     information   I(x; z) under q, over a fixed subset of M examples, spread evenly over the split: with a draw z_i ~ q(z|x_i)
 *                   of each,   1/M Σ_i [ log q(z_i|x_i) − log 1/M Σ_j q(z_i|x_j) ]   ≤ log M
 *     aggregate_kl  KL(q̄(z) ‖ p(z)) = mean KL(q(z|x) ‖ p(z)) − I(x; z)  (Hoffman & Johnson 2016), over the same subset:
 *                   how far the latents together are from what is sampled. An estimate: near 0 it may be a little below
 *
 * M is ELBOW_MEASURE_SUBSET, less where the split is smaller or q takes more than ELBOW_MEASURE_REALS of them together.
 * Where q is sequential (autoregressive), its numbers are those of each variable given the draws of those before it, and
 * information is not estimated: q(z_i|x_j) would take a pass for every pair. Of an upper layer, x stands for the draws of
 * the layer below. Of a predictor q(z|x) is p(z|c), and c stands for x; it has no KL. */
#ifndef ELBOW_TRAIN_MEASURE_H
#define ELBOW_TRAIN_MEASURE_H

#include "elbow/base/options.h"
#include "elbow/train/evaluate.h"

enum { ELBOW_BASELINES = 2, ELBOW_MEASURE_SUBSET = 2048, ELBOW_MEASURE_REALS = 1 << 24 };

#define ELBOW_MEASURE_ACTIVE 0.01 /* variance, or nats */

/* A mean over examples and its standard error; NaN where it is not had. */
typedef struct elbow_figure {
    double mean, error;
} elbow_figure;

typedef struct elbow_group_measures {
    const char *kind;
    bool discrete, sequential;
    size_t layer, variables, codes; /* codes of a variable: 2 of a Bernoulli's, 0 where not discrete */
    double kl;                      /* of the whole split */
    size_t active;
    bool active_by_kl;                                         /* of discrete: with the prior */
    double perplexity_least, perplexity_mean, perplexity_most; /* over variables; NaN where not discrete */
    size_t codes_used;                                         /* of variables · codes */
    elbow_figure information;
    double aggregate_kl; /* NaN in hierarchies and where something is given: see `all` */
} elbow_group_measures;

typedef struct elbow_measures {
    elbow_evaluation bounds;
    elbow_figure exact;    /* log p(x), summed over all z; NaN */
    size_t configurations; /* how many z those are */
    size_t
        values; /* pixels, present values of tables, or symbols (ends included), of all examples together */
    double
        log_scale; /* mean over examples of Σ log scale of present real columns: to be subtracted from log-densities for
                         those of the table's own units; 0 elsewhere */
    size_t baselines; /* what a model without latents reaches: log p(x) */
    struct {
        const char *words;
        elbow_figure log_px;
    } baseline[ELBOW_BASELINES];
    size_t train_examples; /* that the baselines' frequencies are from */
    size_t subset;         /* M */
    elbow_figure
        information; /* I(x; z) of all latents: that of the layer next to x; NaN where a part is sequential */
    double aggregate_kl; /* KL(q̄(z) ‖ p(z)) of all latents; NaN where something is given */
    size_t groups;
    elbow_group_measures *group; /* (groups) */
} elbow_measures;

typedef struct elbow_measure_request {
    elbow_split split;
    double temperature; /* of relaxed draws, for models with discrete latents */
    size_t samples;
    bool exact;   /* log p(x) too, where all z can be summed over */
    size_t limit; /* baselines are from the first `limit` training examples; 0: all */
    void (*progress)(size_t done, size_t of); /* of this rank's draws; or NULL */
} elbow_measure_request;

/* `vae` is reserved for at least ELBOW_EVALUATE_BLOCK rows; options are the model's. Collective. */
elbow_status elbow_measure(elbow_measures *measures, elbow_world *world, const elbow_view *view,
                           elbow_vae *vae, const elbow_options *options, const real *parameters,
                           const elbow_measure_request *request);
void elbow_measures_destroy(elbow_measures *measures);

#endif
