/* Optimizers: a family of update rules on a range of parameters.
 *
 * An optimizer holds its state (moments) for the parameters that this rank owns, and nothing else. All
 * functions are Local; the exchange says who owns what. */
#ifndef ELBOW_OPTIM_OPTIMIZER_H
#define ELBOW_OPTIM_OPTIMIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elbow/base/error.h"
#include "elbow/base/options.h"
#include "elbow/base/real.h"

typedef struct elbow_optimizer elbow_optimizer;

/* State for parameters [begin, end), zero at first. ELBOW_USAGE for an unknown name. */
elbow_status elbow_optimizer_create(elbow_optimizer **optimizer, const elbow_options *options, size_t begin,
                                    size_t end);
void elbow_optimizer_destroy(elbow_optimizer **optimizer);

/* Shares updates among a team's threads (base/team.h); the caller's, NULL: none. The same bits. */
typedef struct elbow_team elbow_team;
void elbow_optimizer_share(elbow_optimizer *optimizer, elbow_team *team);

/* The model's parameters begin … end − 1, as far as they are among this optimizer's, learn at factor × the rate, and decay at
 * it too. One such range; the last one given counts. */
void elbow_optimizer_pace(elbow_optimizer *optimizer, size_t begin, size_t end, double factor);

/* One update, number t = 1, 2, …. gradient and parameters: (end − begin), both from parameter `begin` on. The
 * gradient counts times `scale`, the clipping factor, and is used up: zeros are left of it, for the next one to be
 * added to. The members, all with decoupled weight decay (Loshchilov & Hutter 2019), bias corrections and step size in
 * double:
 *
 * adam (Kingma & Ba 2015)
 *     m ← β1 m + (1 − β1) g       v ← β2 v + (1 − β2) g²
 *     θ ← θ (1 − lr·wd) − lr/(1 − β1^t) · m / (√(v / (1 − β2^t)) + ε)
 *
 * radam (Liu et al. 2020): m and v as Adam's; ρ_∞ = 2/(1 − β2) − 1 and ρ_t = ρ_∞ − 2t β2^t/(1 − β2^t),
 *     θ ← θ (1 − lr·wd) − lr/(1 − β1^t) · m · r_t √(1 − β2^t) / (√v + ε)                     where ρ_t > 5,
 *     θ ← θ (1 − lr·wd) − lr/(1 − β1^t) · m                                                  before that;
 *     r_t = √((ρ_t − 4)(ρ_t − 2) ρ_∞ / ((ρ_∞ − 4)(ρ_∞ − 2) ρ_t))
 *
 * sgd (Polyak 1964; Sutskever et al. 2013): v ← μ v + g,
 *     θ ← θ (1 − lr·wd) − lr · v,  with Nesterov's momentum  − lr · (g + μ v)                             */
void elbow_optimizer_step(elbow_optimizer *optimizer, int64_t t, double learning_rate, real scale,
                          real *gradient, real *parameters);

/* The average of the parameters, where optimizer.average = d is above 0: one more slot, moved after each update t,
 *
 *     a ← a + (1 − d_t) (θ − a),      d_t = min(d, (1 + t) / (10 + t))
 *
 * (Polyak & Juditsky 1992; with the rising decay of TensorFlow's ExponentialMovingAverage, by which the first steps, far
 * from where the run ends, are soon forgotten). It is what evaluation uses, and changes no step. In floats it follows to
 * 3e-8 / (1 − d) of a weight's size: what is nearer is rounded away. Where there is no average these do nothing.
 *
 * begin: the average is `parameters`, as before the first update. swap: parameters and average change places. */
bool elbow_optimizer_averages(const elbow_optimizer *optimizer);
void elbow_optimizer_average_begin(elbow_optimizer *optimizer, const real *parameters);
void elbow_optimizer_average_swap(elbow_optimizer *optimizer, real *parameters);

#define ELBOW_AVERAGE_SLOT "average" /* its name */

const char *elbow_optimizer_name(const elbow_optimizer *optimizer);

/* Its state, slot by slot: "first_moment" and "second_moment", or "momentum", then "average"; values point at parameter `begin`. */
size_t elbow_optimizer_slots(const elbow_optimizer *optimizer);
const char *elbow_optimizer_slot_name(const elbow_optimizer *optimizer, size_t slot);
real *elbow_optimizer_slot(elbow_optimizer *optimizer, size_t slot);

#endif
