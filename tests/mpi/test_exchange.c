/* Exchanges: the sum of the shards' gradients on every rank count, against a plain tree made by each rank alone.
 *
 * Gradients are random, their magnitudes wildly different from shard to shard and element to element, so that another order
 * of additions gives other bits. */
#include "check.h"

#include <math.h>
#include <time.h>

#include "elbow/parallel/exchange.h"
#include "math/vector.h"

/* Shard s's gradient of parameter i in a step: ±2^e · [1, 2), e from −25 to 25. */
static real gradient_of(size_t shard, size_t i, uint64_t step) {
    uint64_t h = hash_of(shard, i, step);
    double value = ldexp(1 + (double)(h >> 12) * 0x1p-52, (int)(h % 51) - 25);
    return (real)(h & 2048 ? -value : value);
}

/* Node [first, first + width) ∩ [0, S) of the tree, as exchange.h defines it. */
static real tree_sum(size_t first, size_t width, size_t shards, size_t i, uint64_t step) {
    if (width == 1) return gradient_of(first, i, step);
    real left = tree_sum(first, width / 2, shards, i, step);
    if (first + width / 2 >= shards) return left;
    return left + tree_sum(first + width / 2, width / 2, shards, i, step);
}

static size_t whole_width(size_t shards) {
    size_t width = 1;
    while (width < shards) width *= 2;
    return width;
}

/* How a shard's gradient becomes ready. */
typedef enum cut { WHOLE, BACKWARD, PIECES, SHUFFLED, CUTS } cut;

static void be_ready(elbow_exchange *exchange, size_t shard, size_t size, cut how, uint64_t seed) {
    size_t bounds[102] = {0}, pieces = 1;
    if (how == WHOLE) bounds[1] = size;
    if (how == BACKWARD) { /* as a step does: the decoder's side first, and then the encoder's */
        elbow_exchange_ready(exchange, shard, size / 3, size);
        elbow_exchange_ready(exchange, shard, size / 3, size / 3);
        elbow_exchange_ready(exchange, shard, 0, size / 3);
        return;
    }
    if (how == PIECES || how == SHUFFLED) {
        pieces = 1 + (size_t)(hash_of(seed, 0, 1) % 100); /* more than there may be requests */
        for (size_t p = 1; p < pieces; p++) {             /* sorted random bounds, some equal */
            size_t at = (size_t)(hash_of(seed, 0, p + 1) % (size + 1)), to = p;
            for (; to > 1 && bounds[to - 1] > at; to--) bounds[to] = bounds[to - 1];
            bounds[to] = at;
        }
        bounds[pieces] = size;
    }
    size_t order[101];
    for (size_t p = 0; p < pieces; p++) order[p] = pieces - 1 - p; /* from the end, as a backward pass */
    for (size_t p = pieces; how == SHUFFLED && p > 1; p--) {
        size_t other = (size_t)(hash_of(seed, 0, 1000 + p) % p), swap = order[p - 1];
        order[p - 1] = order[other];
        order[other] = swap;
    }
    for (size_t p = 0; p < pieces; p++)
        elbow_exchange_ready(exchange, shard, bounds[order[p]], bounds[order[p] + 1]);
}

/* Ranks come late to different steps. */
static void dawdle(uint64_t step) {
    long nanoseconds = (long)(hash_of((uint64_t)world->rank, step, 5) % 3) * 300000;
    nanosleep(&(struct timespec){0, nanoseconds}, NULL);
}

/* The parts of the ranks are whole blocks, and together everything, once. */
static void check_parts(elbow_exchange *exchange, size_t size) {
    size_t at = 0, begin = 0, end = 0, owned_begin = 0, owned_end = 0;
    while (at < size) {
        size_t next = at;
        for (int r = 0; r < world->size; r++) {
            elbow_exchange_part(exchange, (size_t)r, &begin, &end);
            CHECK(begin <= end && end <= size, "part of rank %d is [%zu, %zu)", r, begin, end);
            CHECK(begin % ELBOW_BLOCK == 0 || begin == size, "part of rank %d begins at %zu", r, begin);
            if (begin != at || end == begin) continue;
            CHECK(next == at, "two ranks have parameter %zu", at);
            next = end;
        }
        CHECK(next > at, "nobody has parameter %zu", at);
        at = next;
    }
    elbow_exchange_part(exchange, (size_t)world->rank, &begin, &end);
    elbow_exchange_owned(exchange, &owned_begin, &owned_end);
    CHECK(owned_begin <= begin && end <= owned_end && owned_end <= size, "the part is not owned");
}

static real parameter_of(size_t i, uint64_t step) { return (real)(hash_of(i, step, 77) >> 40); }

/* In order by blocks, whoever has them: what a norm is made of. */
static void check_squares(elbow_exchange *exchange, const real *sum, const double *squares) {
    size_t begin = 0, end = 0, owned_begin = 0, owned_end = 0;
    elbow_exchange_part(exchange, (size_t)world->rank, &begin, &end);
    elbow_exchange_owned(exchange, &owned_begin, &owned_end);
    for (size_t at = begin; at < end; at += ELBOW_BLOCK) {
        double square = 0;
        for (size_t i = at; i < end && i < at + ELBOW_BLOCK; i++)
            square += (double)sum[i - owned_begin] * (double)sum[i - owned_begin];
        CHECK(fabs(*squares - square) <= 1e-12 * square, "squares from %zu: %g, not %g", at, *squares,
              square);
        squares++;
    }
}

static void one_step(elbow_exchange *exchange, const char *name, size_t shards, size_t size, uint64_t step,
                     cut how) {
    size_t first = 0, count = 0, begin = 0, end = 0;
    bool exact = strcmp(name, "ordered") == 0;
    real *sum = NULL;
    const double *squares = NULL;
    elbow_exchange_shards(exchange, &first, &count);
    elbow_exchange_owned(exchange, &begin, &end);
    dawdle(step);
    for (size_t shard = first; shard < first + count; shard++) {
        real *gradient = elbow_exchange_begin_shard(exchange, shard);
        for (size_t i = 0; i < size; i++) gradient[i] += gradient_of(shard, i, step); /* in place, added */
        /* `mpi` sums ranges together, so they must be the same everywhere; `ordered` takes any. */
        be_ready(exchange, shard, size, how, exact ? step + 100 * shard : step);
    }
    CHECK(elbow_exchange_finish(exchange, &sum, &squares) == ELBOW_OK, "step %d", (int)step);
    check_squares(exchange, sum, squares);
    size_t width = whole_width(shards);
    for (size_t i = begin; i < end; i++) {
        real expected = tree_sum(0, width, shards, i, step), got = sum[i - begin];
        double largest = 0;
        for (size_t s = 0; !exact && s < shards; s++)
            largest = fmax(largest, fabs((double)gradient_of(s, i, step)));
        double room = exact ? 0 : (double)shards * largest * 0x1p-22;
        CHECK(exact ? memcmp(&got, &expected, sizeof got) == 0 : fabs((double)(got - expected)) <= room,
              "%s, S = %zu, size %zu, step %d, cut %d, parameter %zu: %.9g, not %.9g", name, shards, size,
              (int)step, (int)how, i, (double)got, (double)expected);
        sum[i - begin] = 0; /* as the optimizer leaves it */
    }
    real *parameters = elbow_exchange_parameters(exchange);
    CHECK(elbow_exchange_parameters(exchange) == parameters && (uintptr_t)parameters % 64 == 0, "moves");
    for (size_t i = begin; i < end; i++) parameters[i] = parameter_of(i, step);
    CHECK(elbow_exchange_publish(exchange) == ELBOW_OK, "step %d", (int)step);
    for (size_t i = 0; i < size; i++)
        CHECK(parameters[i] == parameter_of(i, step), "parameter %zu after step %d", i, (int)step);
}

/* A step with gradients that are no numbers on one rank, and that is dropped: nothing of it is in the next one. */
static void dropped_step(elbow_exchange *exchange, size_t size, uint64_t step) {
    size_t first = 0, count = 0, begin = 0, end = 0;
    real *sum = NULL, *parameters = elbow_exchange_parameters(exchange), before[2];
    const double *squares = NULL;
    int poisoner = (int)(step % (uint64_t)world->size);
    elbow_exchange_shards(exchange, &first, &count);
    elbow_exchange_owned(exchange, &begin, &end);
    before[0] = parameters[0];
    before[1] = parameters[size - 1];
    for (size_t shard = first; shard < first + count; shard++) {
        real *gradient = elbow_exchange_begin_shard(exchange, shard);
        for (size_t i = 0; i < size; i++)
            gradient[i] += world->rank == poisoner && i % 3 == 0 ? (real)(i % 2 ? NAN : -INFINITY)
                                                                 : gradient_of(shard, i, step);
        be_ready(exchange, shard, size, BACKWARD, step);
    }
    CHECK(elbow_exchange_finish(exchange, &sum, &squares) == ELBOW_OK, "step %d", (int)step);
    for (size_t i = begin; i < end; i++)
        CHECK(i % 3 != 0 || !isfinite(sum[i - begin]), "parameter %zu: the sum hides it", i);
    CHECK(elbow_exchange_drop(exchange) == ELBOW_OK, "step %d", (int)step);
    CHECK(parameters[0] == before[0] && parameters[size - 1] == before[1], "a parameter changed");
}

/* Rank 0's parameters, everywhere. */
static void spread(elbow_exchange *exchange, size_t size, uint64_t step) {
    real *parameters = elbow_exchange_parameters(exchange);
    elbow_world_barrier(world); /* what others still look at is not written */
    for (size_t i = 0; world->rank == 0 && i < size; i++) parameters[i] = parameter_of(i, step);
    CHECK(elbow_exchange_spread(exchange) == ELBOW_OK, "size %zu", size);
    for (size_t i = 0; i < size; i++) CHECK(parameters[i] == parameter_of(i, step), "parameter %zu", i);
}

/* Moments to rank 0 and back. */
static void round_trip(elbow_exchange *exchange, size_t size) {
    size_t begin = 0, end = 0;
    elbow_exchange_owned(exchange, &begin, &end);
    real *owned = malloc((end - begin + 1) * sizeof *owned), *full = NULL;
    if (world->rank == 0) full = malloc((size + 1) * sizeof *full);
    CHECK(owned != NULL && (world->rank > 0 || full != NULL), "no memory");
    for (size_t i = begin; i < end; i++) owned[i - begin] = parameter_of(i, 1);
    owned[end - begin] = -5;
    if (full) full[size] = -5;
    CHECK(elbow_exchange_gather(exchange, owned, full) == ELBOW_OK, "size %zu", size);
    for (size_t i = 0; full && i < size; i++) {
        CHECK(full[i] == parameter_of(i, 1), "gathered %zu", i);
        full[i] = parameter_of(i, 2);
    }
    CHECK(elbow_exchange_scatter(exchange, full, owned) == ELBOW_OK, "size %zu", size);
    for (size_t i = begin; i < end; i++) CHECK(owned[i - begin] == parameter_of(i, 2), "scattered %zu", i);
    CHECK(owned[end - begin] == -5 && (!full || full[size] == -5), "written beyond the end");
    free(owned);
    free(full);
}

static void sums(const char *name, const char *replica, size_t node_ranks, size_t groups) {
    static const size_t sizes[] = {
        1, 100, ELBOW_BLOCK - 1, ELBOW_BLOCK, ELBOW_BLOCK + 1, 3 * ELBOW_BLOCK, 5 * ELBOW_BLOCK + 77};
    static const size_t more[] = {0, 1, 2, 3, 4, 9, 13};
    size_t ranks = (size_t)world->size;
    for (size_t m = 0; m < sizeof more / sizeof *more; m++)
        for (size_t z = 0; z < sizeof sizes / sizeof *sizes; z++) {
            elbow_exchange *exchange = NULL;
            size_t shards = ranks + more[m], size = sizes[z], first = 0, count = 0;
            if (size > 2 * ELBOW_BLOCK && m % 2 == 1) continue; /* the large ones with every other S */
            if (groups > 1 && m % 3 != 0) continue;             /* S on groups: every third */
            elbow_exchange_spec spec = {name, replica, node_ranks, shards, size};
            CHECK(elbow_exchange_create(&exchange, world, &spec) == ELBOW_OK, "S = %zu", shards);
            CHECK(elbow_exchange_replicas(exchange) == groups, "%zu replicas, not %zu",
                  elbow_exchange_replicas(exchange), groups);
            elbow_exchange_shards(exchange, &first, &count);
            CHECK(count >= shards / ranks && count <= shards / ranks + 1, "%zu shards here", count);
            check_parts(exchange, size);
            CHECK(elbow_exchange_bytes(exchange) >= size * sizeof(real), "%zu parameters", size);
            spread(exchange, size, 3 + m);
            for (int how = 0; how < CUTS; how++)
                one_step(exchange, name, shards, size, (uint64_t)how + 10 * m, (cut)how);
            round_trip(exchange, size);
            if (m % 3 == 0) {
                for (uint64_t d = 0; d < 2; d++) dropped_step(exchange, size, 500 + m + d);
                spread(exchange, size, 4 + m);
                dropped_step(exchange, size, 600 + m);
            }
            one_step(exchange, name, shards, size, 1000 + m, BACKWARD);
            elbow_exchange_destroy(&exchange);
            CHECK(exchange == NULL, "destroyed");
        }
}

/* All ranks share memory; messages alone; and as if a node were several, of equal sizes and not. */
static void shared(void) { sums("ordered", "node", 0, 1); }
static void messages(void) {
    if (world->size > 1) sums("ordered", "rank", 0, (size_t)world->size);
}
static void groups(void) {
    size_t ranks = (size_t)world->size;
    for (size_t most = 1; most < ranks; most++) sums("ordered", "node", most, (ranks + most - 1) / most);
}
static void by_mpi(void) { sums("mpi", "node", 0, (size_t)world->size); }

/* Of ordinary size: elbow_exact holds the squares of millions. */
static real mild_gradient_of(size_t shard, size_t i, uint64_t step) {
    return (real)ldexp((double)(int64_t)(hash_of(shard, i, step) >> 32) - 0x1p31, -33);
}

/* A leaf's squares as an exchange takes them, of blocks; `from` a leaf's first shard. */
static elbow_exact leaf_squares(size_t first, size_t count, size_t size, uint64_t step) {
    static real leaf[ELBOW_BLOCK], zeros[ELBOW_BLOCK];
    elbow_exact sum = {0, 0};
    for (size_t at = 0; at < size; at += ELBOW_BLOCK) {
        size_t length = size - at < ELBOW_BLOCK ? size - at : ELBOW_BLOCK;
        double square = 0;
        for (size_t i = 0; i < length; i++) {
            leaf[i] = 0;
            for (size_t s = first; s < first + count; s++) leaf[i] += mild_gradient_of(s, at + i, step);
        }
        elbow_take(leaf, zeros, length, &square, NULL);
        elbow_exact_add(&sum, square);
    }
    return sum;
}

/* All ranks' shares of a step's squares, joined. */
static elbow_exact joined_squares(elbow_exchange *exchange, size_t size, uint64_t step, cut how,
                                  bool spoilt) {
    size_t first = 0, count = 0, bytes[64], ranks = (size_t)world->size;
    elbow_exact own, all[64], sum = {0, 0};
    real *total = NULL;
    const double *squares = NULL;
    elbow_exchange_shards(exchange, &first, &count);
    dawdle(step);
    for (size_t shard = first; shard < first + count; shard++) {
        real *gradient = elbow_exchange_begin_shard(exchange, shard);
        for (size_t i = 0; i < size; i++) gradient[i] += mild_gradient_of(shard, i, step);
        if (spoilt && shard == 0) gradient[size / 2] = (real)NAN;
        be_ready(exchange, shard, size, how, step);
    }
    CHECK(elbow_exchange_finish(exchange, &total, &squares) == ELBOW_OK, "step %d", (int)step);
    own = elbow_exchange_leaf_squares(exchange);
    CHECK(elbow_exchange_drop(exchange) == ELBOW_OK, "step %d", (int)step);
    for (size_t r = 0; r < ranks; r++) bytes[r] = sizeof own;
    CHECK(ranks <= 64 && elbow_world_allgather(world, &own, all, bytes) == ELBOW_OK, "%zu ranks", ranks);
    for (size_t r = ranks; r-- > 0;) elbow_exact_join(&sum, all[r]);
    return sum;
}

/* Leaves' squares: of `ordered` to the bit, whoever has which shard and in which groups; of `mpi` to rounding. */
static void leaves_of(const char *name, const char *replica, size_t node_ranks) {
    static const size_t sizes[] = {1, 100, ELBOW_BLOCK + 1, 3 * ELBOW_BLOCK + 77}, more[] = {0, 1, 3};
    bool exact = strcmp(name, "ordered") == 0;
    for (size_t z = 0; z < sizeof sizes / sizeof *sizes; z++)
        for (size_t m = 0; m < sizeof more / sizeof *more; m++) {
            elbow_exchange *exchange = NULL;
            size_t size = sizes[z], shards = (size_t)world->size + more[m], first = 0, count = 0, next = 0;
            elbow_exchange_spec spec = {name, replica, node_ranks, shards, size};
            CHECK(elbow_exchange_create(&exchange, world, &spec) == ELBOW_OK, "S = %zu", shards);
            size_t leaves = elbow_exchange_leaves(exchange);
            CHECK(leaves == (exact ? shards : (size_t)world->size), "%zu leaves", leaves);
            for (int how = 0; how < CUTS; how++) {
                elbow_exact expected = {0, 0};
                uint64_t step = 10 * m + (uint64_t)how;
                for (size_t leaf = 0; leaf < leaves; leaf++) {
                    elbow_exchange_leaf(exchange, leaf, &first, &count);
                    CHECK(exact ? first == leaf && count == 1 : count > 0, "leaf %zu", leaf);
                    if (leaves > 1) elbow_exact_join(&expected, leaf_squares(first, count, size, step));
                }
                elbow_exact got = joined_squares(exchange, size, step, (cut)how, false);
                double value = elbow_exact_value(expected);
                CHECK(exact ? memcmp(&got, &expected, sizeof got) == 0
                            : fabs(elbow_exact_value(got) - value) <= 1e-6 * value,
                      "%s, S = %zu, size %zu, cut %d: %.17g, not %.17g", name, shards, size, how,
                      elbow_exact_value(got), value);
                got = joined_squares(exchange, size, step, (cut)how, true);
                CHECK(leaves == 1 || !isfinite(elbow_exact_value(got)), "it hides a NaN");
            }
            for (size_t leaf = 0; !exact && leaf < leaves; leaf++) { /* all shards, each once */
                for (size_t l = 0; l < leaves; l++) {
                    elbow_exchange_leaf(exchange, l, &first, &count);
                    if (first != next) continue;
                    next += count;
                    break;
                }
            }
            CHECK(exact || next == shards, "the leaves have %zu of %zu shards", next, shards);
            elbow_exchange_destroy(&exchange);
        }
}

static void leaves(void) {
    leaves_of("ordered", "node", 0);
    leaves_of("ordered", "rank", 0);
    for (size_t most = 1; most < (size_t)world->size; most++) leaves_of("ordered", "node", most);
    leaves_of("mpi", "node", 0);
}

/* Two at once: their messages do not meet. */
static void side_by_side(void) {
    elbow_exchange *a = NULL, *b = NULL;
    size_t shards = (size_t)world->size + 2, sizes[2] = {ELBOW_BLOCK * 3 + 5, ELBOW_BLOCK * 2};
    elbow_exchange_spec of_a = {"ordered", "node", 0, shards, sizes[0]};
    elbow_exchange_spec of_b = {"ordered", "node", 2, shards, sizes[1]};
    CHECK(elbow_exchange_create(&a, world, &of_a) == ELBOW_OK, "a");
    CHECK(elbow_exchange_create(&b, world, &of_b) == ELBOW_OK, "b");
    elbow_exchange *both[2] = {a, b};
    for (uint64_t step = 0; step < 5; step++) {
        size_t first = 0, count = 0;
        elbow_exchange_shards(a, &first, &count);
        for (size_t shard = first; shard < first + count; shard++)
            for (size_t x = 0; x < 2; x++) {
                real *gradient = elbow_exchange_begin_shard(both[x], shard);
                for (size_t i = 0; i < sizes[x]; i++) gradient[i] += gradient_of(shard, i, step + 50 * x);
                elbow_exchange_ready(both[x], shard, 0, sizes[x]);
            }
        for (size_t x = 2; x-- > 0;) {
            size_t begin = 0, end = 0;
            real *sum = NULL;
            const double *squares = NULL;
            elbow_exchange_owned(both[x], &begin, &end);
            CHECK(elbow_exchange_finish(both[x], &sum, &squares) == ELBOW_OK, "exchange %zu", x);
            for (size_t i = begin; i < end; i++)
                CHECK(sum[i - begin] == tree_sum(0, whole_width(shards), shards, i, step + 50 * x),
                      "exchange %zu, parameter %zu", x, i);
            memset(sum, 0, (end - begin) * sizeof *sum);
            CHECK(elbow_exchange_publish(both[x]) == ELBOW_OK, "exchange %zu", x);
        }
    }
    elbow_exchange_destroy(&b);
    elbow_exchange_destroy(&a);
}

/* What cannot be is refused on every rank alike, and the world goes on. */
static void refusals(void) {
    elbow_exchange *exchange = (elbow_exchange *)&exchange;
    const char *const names[] = {"ordered", "mpi"};
    for (int n = 0; n < 2; n++)
        for (size_t shards = 0; shards < (size_t)world->size; shards++) {
            elbow_exchange_spec few = {names[n], "node", 0, shards, 10};
            CHECK(elbow_exchange_create(&exchange, world, &few) == ELBOW_USAGE, "S = %zu", shards);
            CHECK(exchange == NULL, "nothing is made");
            CHECK(strstr(elbow_error_message(), "parallel.shards=") != NULL, "the mend");
            check_same_message();
        }
    elbow_exchange_spec unknown = {"orderd", "node", 0, 64, 10};
    CHECK(elbow_exchange_create(&exchange, world, &unknown) == ELBOW_USAGE, "unknown name");
    CHECK(strstr(elbow_error_message(), "did you mean `ordered`") != NULL, "the nearest name");
    check_same_message();
    if (sizeof(size_t) > 4) {
        elbow_exchange_spec large = {"ordered", "node", 0, 64, (size_t)INT32_MAX + 1};
        CHECK(elbow_exchange_create(&exchange, world, &large) == ELBOW_PARALLEL,
              "more parameters than MPI counts");
        check_same_message();
    }
}

int main(int argc, char **argv) {
    static const rank_test tests[] = {
        {"shared", shared}, {"messages", messages},         {"groups", groups},     {"mpi", by_mpi},
        {"leaves", leaves}, {"side by side", side_by_side}, {"refusals", refusals},
    };
    return run_on_ranks(argc, argv, tests, sizeof tests / sizeof *tests);
}
