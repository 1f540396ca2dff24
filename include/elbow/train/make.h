/* What a trained model makes: samples, reconstructions, and what it decodes from given z.
 *
 * Examples are made in blocks of 256, always whole ones, so that what sample i is depends on the seed and on i, to the last
 * bit, not on how many are made. Reconstructions are drawn so too, but in blocks as short as the examples there are: of
 * another range they may differ by rounding. The
 * temperature is the likelihood's: 0 gives means and most probable values, 1 draws from p(x|z). Memory comes from the
 * caller's arena and lasts as long as that. All functions are Local. */
#ifndef ELBOW_TRAIN_MAKE_H
#define ELBOW_TRAIN_MAKE_H

#include "elbow/data/loader.h"
#include "elbow/store/examples.h"
#include "elbow/vae/vae.h"

enum { ELBOW_MAKE_ROWS = 256 }; /* what `vae` must be reserved for, at the least */

typedef struct elbow_maker {
    elbow_vae *vae;
    const real *parameters;
    uint64_t seed;
    real temperature;
    elbow_arena *arena;
} elbow_maker;

/* Examples of a split, what was given with them, and what became of them. */
typedef struct elbow_encoded {
    elbow_examples originals, given; /* given.field is NULL where the model is given nothing */
    elbow_examples made;             /* from z ~ q(z|x) */
    real
        *z; /* (count, width) of the layer next to x: discrete variables as drawn for `made`, Gaussian ones at
              * their means, or as drawn too where those are given the draws of others */
} elbow_encoded;

/* z from the prior. given: what each of them is given, NULL where the model is given nothing. */
elbow_status elbow_make_samples(const elbow_maker *maker, const elbow_examples *given, size_t count,
                                elbow_examples *made);

/* Examples [first, first + count) of a split, which must have them. */
elbow_status elbow_make_reconstructions(const elbow_maker *maker, const elbow_view *view, elbow_split split,
                                        size_t first, size_t count, elbow_encoded *encoded);

/* From z (count, width) of the layer next to x. */
elbow_status elbow_make_decodes(const elbow_maker *maker, const real *z, const elbow_examples *given,
                                size_t count, elbow_examples *made);

/* That of samples where nobody says another: 0, means, for images, whose pixels would be noise else; 1 for others. */
real elbow_make_temperature(const elbow_field *field);

/* What a conditional model is given, for samples: each label `each` times in turn; ELBOW_USAGE where it is not given
 * labels. */
elbow_status elbow_make_labels(const elbow_maker *maker, size_t each, elbow_examples *given);
/* The label with that word in all of `count`. ELBOW_USAGE names the nearest. */
elbow_status elbow_make_label(const elbow_maker *maker, const char *word, size_t count,
                              elbow_examples *given);
/* A column `given` of such labels' words. */
elbow_status elbow_make_label_notes(const elbow_maker *maker, const elbow_examples *given,
                                    elbow_notes *notes);
/* Those of the first `count` examples of a split, over again where it has fewer. */
elbow_status elbow_make_given(const elbow_maker *maker, const elbow_view *view, elbow_split split,
                              size_t count, elbow_examples *given);
/* The only column of what is given where that is one label; NULL else. */
const elbow_column *elbow_make_label_column(const elbow_vae *vae);

#endif
