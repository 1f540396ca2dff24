/* Gradient estimators side by side, on one batch: what their expectations are, their variance, and what a gradient costs.
 *
 *     every estimator, in turns:  some gradients by the clock          → cost, and a first look at the variance
 *     the reference:              half of the time                     → g
 *     every estimator:            the rest, each as long as the others → its mean beside g, its variance (gradient_blocks.h) */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elbow/base/arena.h"
#include "math/vector.h"
#include "train/bench_members.h"
#include "train/gradient_blocks.h"

/* Draws of a gradient whose rows and times are averaged: what some do on every fourth step (rebar, relax) is in one of them. */
enum { CYCLE = 4 };
enum { LEAST_PAIRS = 4, MOST_PAIRS = 100, MOST_MEMBERS = 64, MOST_EACH = 1000000 };
enum { REFERENCE_SAMPLES = 16 }; /* with so many, leave-one-out baselines are nearly as good as with all */

static const double UNSEEN = 1e-11; /* a variance beside |g|² that is rounding */
/* Of the seconds: for costs, and for the reference where it has noise. */
static const double COST_SHARE = 0.15, REFERENCE_SHARE = 0.45;

typedef struct candidate {
    elbow_bench_member member; /* vae NULL: it does not take the model, or nobody asks */
    elbow_bench_estimator row;
    bool shown;
    double seconds[2 * MOST_PAIRS];
    size_t timed;
    double trace, pairs; /* Σ |x − y|² / 2 over pairs of gradients, and how many */
} candidate;

typedef struct comparison {
    elbow_world *world;
    const elbow_bench_estimators_request *request;
    elbow_bench_subject subject;
    candidate *all, reference;
    size_t count;
    real *previous;  /* (compared) */
    double overhead; /* seconds to add a gradient up, about */
    elbow_gradient_blocks own, truth;
    elbow_gradient_products truth_products;
} comparison;

/* --- who takes part --- */

static bool is_listed(const char *list, const char *name) {
    size_t length = strlen(name);
    for (const char *at = list; at != NULL; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == 0)) return true;
    return false;
}

/* Every word of a list is an estimator's name. */
static elbow_status check_names(const char *list, const char *flag) {
    const char *names[MOST_MEMBERS], *name = NULL;
    size_t count = 0;
    for (size_t i = 0; (name = elbow_vae_estimator_name(i)) != NULL && count < MOST_MEMBERS; i++)
        names[count++] = name;
    for (const char *at = list; at != NULL; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        char word[64];
        bool known = false;
        snprintf(word, sizeof word, "%.*s", (int)(strcspn(at, ",") < 60 ? strcspn(at, ",") : 60), at);
        for (size_t i = 0; i < count; i++) known = known || strcmp(names[i], word) == 0;
        const char *nearest = elbow_nearest_name(word, names, count);
        ELBOW_CHECK(known || nearest == NULL, ELBOW_USAGE, "%s: `%s` is no estimator; did you mean `%s`?",
                    flag, word, nearest);
        ELBOW_CHECK(known, ELBOW_USAGE, "%s: `%s` is no estimator; `elbow config estimator.name` lists them",
                    flag, word);
    }
    return ELBOW_OK;
}

/* objective.bound = iwae is another objective for each number of draws. */
static size_t samples_of(const comparison *c) {
    const elbow_options *options = c->subject.model->options;
    return strcmp(options->objective.bound, "iwae") == 0 ? (size_t)options->estimator.samples : 0;
}

static bool takes_part(const candidate *one) { return one->member.vae != NULL && one->row.finite; }

/* Gradients by no clock: memory is touched, decoder rows are counted. */
static void warm_up(comparison *c, candidate *one) {
    size_t draws = elbow_vae_estimator(one->member.vae).noiseless ? 1 : CYCLE;
    double rows = (double)(draws * c->subject.batch.rows);
    one->member.purpose = "bench.pilot.";
    one->member.forward = one->member.backward = 0;
    for (size_t draw = 0; draw < draws; draw++) {
        const real *gradient = elbow_bench_member_draw(&one->member, draw);
        one->row.finite = one->row.finite && isfinite(elbow_square_sum(gradient, c->subject.compared));
    }
    one->row.forward = (double)one->member.forward / rows;
    one->row.backward = (double)one->member.backward / rows;
}

static elbow_status create_candidates(comparison *c) {
    const char *name = NULL;
    while (elbow_vae_estimator_name(c->count)) c->count++;
    c->all = calloc(c->count, sizeof *c->all);
    ELBOW_CHECK(c->all != NULL, ELBOW_MEMORY, "no memory for %zu estimators", c->count);
    for (size_t i = 0; i < c->count; i++) {
        candidate *one = &c->all[i];
        name = elbow_vae_estimator_name(i);
        ELBOW_TRY(elbow_bench_member_create(&one->member, &c->subject, name, samples_of(c), &one->row));
        one->shown = c->request->only == NULL || is_listed(c->request->only, name);
        bool asked = one->shown || (c->request->reference && strcmp(c->request->reference, name) == 0);
        /* What is not asked for may still be the reference, where it has nothing to learn. */
        if (one->member.vae && !asked && (!one->row.unbiased || one->row.own > 0))
            elbow_bench_member_destroy(&one->member);
        if (one->member.vae == NULL) continue;
        if (c->request->tune > 0 && one->row.own > 0) {
            ELBOW_TRY(elbow_bench_member_tune(&one->member, c->request->tune, c->request->progress));
            one->row.tuned = one->row.own;
        }
        warm_up(c, one);
    }
    return ELBOW_OK;
}

/* --- cost, and a first look at the variance --- */

static void time_pair(comparison *c, candidate *one) {
    size_t size = c->subject.compared, pair = one->timed / 2;
    double began = elbow_now(), distance = 0;
    const real *gradient = elbow_bench_member_draw(&one->member, 1 + 2 * pair);
    double first = elbow_now();
    memcpy(c->previous, gradient, size * sizeof *gradient);
    double again = elbow_now();
    gradient = elbow_bench_member_draw(&one->member, 2 + 2 * pair);
    double second = elbow_now();
    for (size_t i = 0; i < size; i++) {
        double apart = (double)gradient[i] - (double)c->previous[i];
        distance += apart * apart;
    }
    c->overhead = 2 * (again - first + elbow_now() - second);
    one->seconds[one->timed++] = first - began;
    one->seconds[one->timed++] = second - again;
    if (one->pairs >= LEAST_PAIRS)
        return; /* of so many on every machine: the choice by it has no clock in it */
    one->trace += distance / 2;
    one->pairs++;
    /* Where noise seldom tells, some pairs of a sampled gradient are alike, too. */
    one->row.still = one->trace == 0 && elbow_vae_estimator(one->member.vae).noiseless;
}

/* Of a gradient: of means over cycles, where not all gradients are the same. */
static elbow_spread cost_of(const candidate *one) {
    double means[2 * MOST_PAIRS];
    size_t each = one->row.still ? 1 : CYCLE, count = one->timed / each;
    for (size_t i = 0; i < count; i++) {
        means[i] = 0;
        for (size_t k = 0; k < each; k++) means[i] += one->seconds[i * each + k] / (double)each;
    }
    return elbow_spread_of(means, count);
}

/* The slowest rank's cost, to all. */
static elbow_status agree_cost(comparison *c, candidate *one) {
    elbow_spread own = cost_of(one), *slowest = &one->row.seconds;
    void *all = NULL;
    ELBOW_TRY(elbow_world_gather_new(c->world, &own, sizeof own, &all));
    *slowest = own;
    for (int r = 0; all && r < c->world->size; r++) {
        const elbow_spread *its = (const elbow_spread *)all + r;
        if (its->median > slowest->median) *slowest = *its;
    }
    free(all);
    return elbow_world_broadcast(c->world, slowest, sizeof *slowest, 0);
}

/* Pairs beyond the first ones that a share of the seconds has room for, as rank 0's clock has it. Collective. */
static elbow_status count_more(comparison *c, size_t *more, double share) {
    for (size_t i = 0; i < c->count; i++) {
        candidate *one = &c->all[i];
        more[i] = 0;
        if (!takes_part(one)) continue;
        double room = share / (2 * cost_of(one).median) - (double)one->timed / 2;
        more[i] = room > 0 ? (size_t)fmin(room, MOST_PAIRS - LEAST_PAIRS) : 0;
    }
    return elbow_world_broadcast(c->world, more, c->count * sizeof *more, 0);
}

static size_t count_parts(const comparison *c, bool noisy) {
    size_t count = 0;
    for (size_t i = 0; i < c->count; i++)
        count += takes_part(&c->all[i]) && !(noisy && (c->all[i].row.still || !c->all[i].shown));
    return count > 0 ? count : 1;
}

static elbow_status find_costs(comparison *c) {
    size_t more[MOST_MEMBERS] = {0};
    double share = c->request->seconds * COST_SHARE / (double)count_parts(c, false);
    for (size_t turn = 0; turn < LEAST_PAIRS; turn++)
        for (size_t i = 0; i < c->count; i++)
            if (takes_part(&c->all[i]) && !c->all[i].row.still) time_pair(c, &c->all[i]);
    ELBOW_TRY(count_more(c, more, share));
    for (size_t turn = 0; turn < MOST_PAIRS; turn++) {
        if (c->request->progress) c->request->progress("costs", turn, MOST_PAIRS);
        for (size_t i = 0; i < c->count; i++)
            if (turn < more[i] && c->all[i].timed < (size_t)2 * MOST_PAIRS) time_pair(c, &c->all[i]);
        if (!elbow_bench_goes_on(c->world, 0, INFINITY)) break;
    }
    for (size_t i = 0; i < c->count; i++)
        if (takes_part(&c->all[i])) ELBOW_TRY(agree_cost(c, &c->all[i]));
    return ELBOW_OK;
}

/* --- the reference --- */

/* A reference's variance for a decoder row. That of a sampled gradient whose pairs were all alike is not known. */
static double badness(const candidate *one) {
    if (one->row.still) return -1;
    double worth = one->trace / one->pairs * (one->row.forward + one->row.backward);
    return worth > 0 ? worth : HUGE_VAL;
}

/* The index of the best: without noise; else the least variance for a decoder row. c->count: there is none. */
static size_t choose(const comparison *c) {
    size_t best = c->count;
    for (size_t i = 0; i < c->count; i++) {
        const candidate *one = &c->all[i];
        if (!takes_part(one) || !one->row.unbiased) continue;
        if (best == c->count || badness(one) < badness(&c->all[best])) best = i;
    }
    return best;
}

static elbow_status find_named(const comparison *c, size_t *chosen) {
    for (*chosen = 0; strcmp(c->all[*chosen].row.name, c->request->reference) != 0;) ++*chosen;
    const candidate *one = &c->all[*chosen];
    ELBOW_CHECK(one->row.reason[0] == 0, ELBOW_USAGE, "--reference %s does not take this model: %s",
                one->row.name, one->row.reason);
    ELBOW_CHECK(one->row.unbiased, ELBOW_USAGE, "--reference %s: it is biased itself; leave the choice out",
                one->row.name);
    ELBOW_CHECK(one->row.finite, ELBOW_USAGE, "--reference %s: its gradient is not finite here",
                one->row.name);
    return ELBOW_OK;
}

/* With more draws of z, for which the encoder runs only once, where it takes as many. */
static elbow_status create_reference(comparison *c, const candidate *chosen) {
    candidate *ref = &c->reference;
    size_t samples = samples_of(c) ? samples_of(c) : REFERENCE_SAMPLES, size = c->subject.size;
    ELBOW_TRY(elbow_bench_member_create(&ref->member, &c->subject, chosen->row.name, samples, &ref->row));
    if (ref->member.vae == NULL)
        ELBOW_TRY(elbow_bench_member_create(&ref->member, &c->subject, chosen->row.name, chosen->row.samples,
                                            &ref->row));
    const elbow_params *layout = elbow_vae_params(ref->member.vae);
    if (layout->size == elbow_vae_params(chosen->member.vae)->size)
        memcpy(ref->member.parameters + size, chosen->member.parameters + size,
               (layout->size - size) * sizeof(real));
    warm_up(c, ref);
    for (size_t pair = 0; pair < LEAST_PAIRS; pair++) time_pair(c, ref);
    ref->member.purpose = "bench.reference.";
    return ELBOW_OK;
}

/* Draws a block that `seconds` have room for; the same on all ranks. Collective. */
static elbow_status count_each(const comparison *c, const candidate *one, double seconds, size_t asked,
                               size_t *each) {
    size_t ranks = (size_t)c->world->size, blocks = (GRADIENT_BLOCKS + ranks - 1) / ranks;
    double room = seconds / ((double)blocks * (one->row.seconds.median + c->overhead));
    *each = room < 2 ? 2 : (size_t)fmin(room, MOST_EACH);
    if (asked > 0) *each = asked > 2 * GRADIENT_BLOCKS ? (asked + GRADIENT_BLOCKS - 1) / GRADIENT_BLOCKS : 2;
    return elbow_world_broadcast(c->world, each, sizeof *each, 0);
}

static elbow_status find_truth(elbow_bench_estimators *bench, comparison *c) {
    size_t chosen = choose(c), each = 0;
    elbow_status status = c->request->reference ? find_named(c, &chosen) : ELBOW_OK;
    ELBOW_TRY_ALL(c->world, status);
    ELBOW_TRY(elbow_world_broadcast(c->world, &chosen, sizeof chosen, 0));
    if (chosen >= c->count) return ELBOW_OK;
    candidate *one = &c->all[chosen];
    if (one->row.still) {
        bench->reference = one->row;
        elbow_gradient_blocks_fill(&c->truth, elbow_bench_member_draw(&one->member, 0));
    } else {
        ELBOW_TRY_ALL(c->world, create_reference(c, one));
        ELBOW_TRY(agree_cost(c, &c->reference));
        ELBOW_TRY(count_each(c, &c->reference, c->request->seconds * REFERENCE_SHARE,
                             c->request->reference_draws, &each));
        ELBOW_TRY(elbow_gradient_blocks_take(&c->truth, each, elbow_bench_member_draw, &c->reference.member,
                                             "reference", c->request->progress));
        bench->reference = c->reference.row;
        bench->reference.draws = c->truth.draws;
    }
    ELBOW_TRY(elbow_gradient_multiply(&c->truth_products, &c->truth, &c->truth));
    bench->reference.variance = elbow_gradient_trace(&c->truth);
    bench->norm = elbow_gradient_norm(&c->truth_products);
    if (c->truth.draws > 0)
        bench->error = sqrt(bench->reference.variance.value / (double)c->truth.draws) / bench->norm.value;
    return ELBOW_OK;
}

/* --- the estimators --- */

static elbow_status measure_one(elbow_bench_estimators *bench, comparison *c, candidate *one,
                                double seconds) {
    elbow_gradient_products own, across;
    size_t each = 0;
    one->member.purpose = "bench.";
    if (one->row.still) {
        elbow_gradient_blocks_fill(&c->own, elbow_bench_member_draw(&one->member, 0));
        one->row.draws = 1;
    } else {
        ELBOW_TRY(count_each(c, one, seconds, c->request->draws, &each));
        ELBOW_TRY(elbow_gradient_blocks_take(&c->own, each, elbow_bench_member_draw, &one->member,
                                             one->row.name, c->request->progress));
        one->row.draws = c->own.draws;
    }
    one->row.variance = elbow_gradient_trace(&c->own);
    one->row.finite = isfinite(one->row.variance.value);
    if (bench->reference.name == NULL) return ELBOW_OK;
    ELBOW_TRY(elbow_gradient_multiply(&own, &c->own, &c->own));
    ELBOW_TRY(elbow_gradient_multiply(&across, &c->own, &c->truth));
    one->row.bias = elbow_gradient_compare(&own, &across, &c->truth_products);
    /* Draws that were all alike, where others could have been: what is seen of the bias may be what they leave out. */
    if (!one->row.still && one->row.variance.value <= UNSEEN * own.of[0][1] && one->row.bias.z != 0)
        one->row.bias.z = one->row.bias.most = NAN;
    return ELBOW_OK;
}

static elbow_status measure_all(elbow_bench_estimators *bench, comparison *c) {
    double share = 1 - COST_SHARE - (c->reference.member.vae ? REFERENCE_SHARE : 0);
    double seconds = c->request->seconds * share / (double)count_parts(c, true);
    for (size_t i = 0; i < c->count; i++) {
        candidate *one = &c->all[i];
        if (!one->shown || !takes_part(one)) continue;
        elbow_status status = measure_one(bench, c, one, seconds);
        bench->early = status == ELBOW_STOPPED;
        if (bench->early) break;
        ELBOW_TRY(status);
    }
    for (size_t i = 0; i < c->count; i++)
        if (c->all[i].shown) bench->rows[bench->count++] = c->all[i].row;
    return ELBOW_OK;
}

static elbow_status set_up(elbow_bench_estimators *bench, comparison *c, const elbow_model *model) {
    elbow_bench_subject *subject = &c->subject;
    ELBOW_TRY(check_names(c->request->only, "--only"));
    ELBOW_TRY(check_names(c->request->reference, "--reference"));
    ELBOW_TRY(elbow_bench_subject_create(subject, c->world, model, c->request));
    ELBOW_TRY(elbow_aligned_reals(subject->compared, &c->previous));
    ELBOW_TRY(elbow_gradient_blocks_create(&c->own, c->world, subject->compared));
    ELBOW_TRY(elbow_gradient_blocks_create(&c->truth, c->world, subject->compared));
    ELBOW_TRY(create_candidates(c));
    bench->rows = calloc(c->count, sizeof *bench->rows);
    ELBOW_CHECK(bench->rows != NULL, ELBOW_MEMORY, "no memory for %zu estimators", c->count);
    bench->examples = subject->batch.rows;
    bench->parameters = subject->compared;
    bench->temperature = (double)subject->objective.temperature;
    bench->beta = (double)subject->objective.beta;
    return ELBOW_OK;
}

static void destroy(comparison *c) {
    for (size_t i = 0; c->all && i < c->count; i++) elbow_bench_member_destroy(&c->all[i].member);
    elbow_bench_member_destroy(&c->reference.member);
    elbow_gradient_blocks_destroy(&c->own);
    elbow_gradient_blocks_destroy(&c->truth);
    elbow_bench_subject_destroy(&c->subject);
    free(c->all);
    free(c->previous);
}

elbow_status elbow_bench_estimators_measure(elbow_bench_estimators *bench, elbow_world *world,
                                            const elbow_model *model,
                                            const elbow_bench_estimators_request *request) {
    comparison c = {.world = world, .request = request};
    *bench = (elbow_bench_estimators){0};
    ELBOW_TRY(elbow_bench_machine_find(&bench->machine, world, (int)model->options->train.threads));
    elbow_status status = elbow_world_agree(world, set_up(bench, &c, model));
    if (status == ELBOW_OK) status = find_costs(&c);
    if (status == ELBOW_OK) status = find_truth(bench, &c);
    if (status == ELBOW_OK) status = measure_all(bench, &c);
    destroy(&c);
    return status;
}

void elbow_bench_estimators_destroy(elbow_bench_estimators *bench) {
    free(bench->rows);
    *bench = (elbow_bench_estimators){0};
}
