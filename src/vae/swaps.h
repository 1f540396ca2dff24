/* Pseudo-actions (estimator_arsm.c): what would have been drawn, had two categories each other's noise.
 *
 * A variable of K categories is drawn as the argmax of log q_k + g_k, g_k = −log ε_k, ε_k ~ Exp(1) from its words. A swap (K, c, j)
 * gives every variable of K categories in a row g_j in place of g_c and the other way round, all at once; the others are left as
 * they are. A bit has two categories, its 1 and its 0, of noises 1 − u and u in the same sense: swapped, its word is the
 * complement. Of K categories there are K (K−1) / 2 swaps; most leave most variables alone, and many a row. */
#ifndef ELBOW_SRC_VAE_SWAPS_H
#define ELBOW_SRC_VAE_SWAPS_H

#include "vae/stochastic.h"

typedef struct elbow_swap {
    uint32_t categories, first, second; /* K, c < j; 0: none */
} elbow_swap;

typedef struct elbow_swaps {
    elbow_stochastic *layer;
    size_t count; /* P: of all K that the layer has, those of a K one after the other, (0, 1), (0, 2), … */
    elbow_swap *list;               /* (P + 1): the last is none */
    size_t *begin;                  /* (groups): the first swap of the group's K */
    real *noise[STOCHASTIC_GROUPS]; /* (R, words): Gumbels; of bits what they swap to */
    uint32_t *leading
        [STOCHASTIC_GROUPS]; /* (R · L, 3): the categories of the three largest log q + g; of bits the first two */
    struct elbow_swaps_seen *seen; /* (room): the different z of a row so far */
    size_t room;                   /* a power of 2, more than P */
} elbow_swaps;

/* How many swaps a layer has; SIZE_MAX where they are more than `most`. */
size_t elbow_swaps_count(const elbow_stochastic *layer, size_t most);
static inline size_t elbow_swaps_categories(const elbow_group *group) {
    return group->z_size > 1 ? group->categories : 2;
}

/* For a layer of discrete variables with factorised posteriors, and up to `rows` rows. */
elbow_status elbow_swaps_reserve(elbow_swaps *swaps, elbow_stochastic *layer, size_t rows,
                                 elbow_arena *arena);

/* After elbow_stochastic_sample: takes over the draws' noise, of R rows. */
void elbow_swaps_take(elbow_swaps *swaps, size_t rows);

/* z (z width) of a row after swap p; p = P: as it was drawn. */
void elbow_swaps_write(const elbow_swaps *swaps, real *z, size_t row, size_t p);

/* like[p] (P): the first swap that makes the same of the row as swap p does; P where that is what was drawn. Returns how many
 * different ones there are beside that. */
size_t elbow_swaps_compare(elbow_swaps *swaps, uint32_t *like, size_t row);

#endif
