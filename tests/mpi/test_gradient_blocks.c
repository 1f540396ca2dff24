/* Means of noisy gradients held against each other: right on average, with errors that are the size they say, and the same
 * bits on any number of ranks. */
#include <math.h>

#include "check.h"

#include "elbow/base/random.h"
#include "train/gradient_blocks.h"

enum { SIZE = 48, REPLICAS = 60 };

/* A gradient of mean `scale` · g + `turn` · (a direction across g), and noise in every coordinate. */
typedef struct source {
    const char *purpose;
    double scale, turn, noise;
    uint32_t replica;
    real values[SIZE];
} source;

static double direction(size_t i) { return i % 2 ? 1 : 0.5; }
static double across(size_t i) { return i % 4 == 1 ? 1 : i % 4 == 3 ? -1 : 0; }

/* |g|² and |across|². */
static double squares(double (*of)(size_t)) {
    double sum = 0;
    for (size_t i = 0; i < SIZE; i++) sum += of(i) * of(i);
    return sum;
}

static const real *draw(void *context, size_t number) {
    source *s = context;
    uint32_t words[SIZE];
    elbow_stream_rows(elbow_stream_make(5, 0, s->purpose), 0, s->replica, number, 1, SIZE, words);
    for (size_t i = 0; i < SIZE; i++) /* uniform, of variance noise² */
        s->values[i] = (real)(s->scale * direction(i) + s->turn * across(i) +
                              s->noise * sqrt(12.0) * ((double)words[i] * 0x1p-32 - 0.5));
    return s->values;
}

static void take(elbow_gradient_blocks *blocks, elbow_world *ranks, source *s, size_t each) {
    CHECK(elbow_gradient_blocks_create(blocks, ranks, SIZE) == ELBOW_OK, "no blocks");
    if (s->noise > 0)
        CHECK(elbow_gradient_blocks_take(blocks, each, draw, s, "", NULL) == ELBOW_OK, "no draws");
    else
        elbow_gradient_blocks_fill(blocks, draw(s, 0));
}

static elbow_bench_bias compare(elbow_world *ranks, source *s, source *reference, size_t each,
                                elbow_bench_figure *trace) {
    elbow_gradient_blocks own, truth;
    elbow_gradient_products bb, bc, cc;
    take(&own, ranks, s, each);
    take(&truth, ranks, reference, each);
    CHECK(elbow_gradient_multiply(&bb, &own, &own) == ELBOW_OK, "no products");
    CHECK(elbow_gradient_multiply(&bc, &own, &truth) == ELBOW_OK, "no products");
    CHECK(elbow_gradient_multiply(&cc, &truth, &truth) == ELBOW_OK, "no products");
    *trace = elbow_gradient_trace(&own);
    elbow_gradient_blocks_destroy(&own);
    elbow_gradient_blocks_destroy(&truth);
    return elbow_gradient_compare(&bb, &bc, &cc);
}

/* How far a figure is from the truth in its own errors: mean and deviation over replicas. */
typedef struct pull {
    double sum, square;
} pull;

static void add(pull *p, double distance) {
    p->sum += distance;
    p->square += distance * distance;
}

static void check_pull(const pull *p, const char *name, double most) {
    double mean = p->sum / REPLICAS, deviation = sqrt(p->square / REPLICAS - mean * mean);
    CHECK(fabs(mean) < 0.5, "%s is off by %.2f of its error on average", name, mean);
    CHECK(deviation > 0.5 && deviation < most, "%s strays by %.2f of its error", name, deviation);
}

/* Noise of the means as large as the gradient: its own square would double. */
static void test_unbiased(void) {
    pull norm = {0}, cosine = {0}, trace = {0}, z = {0};
    double noise = sqrt(squares(direction) / SIZE * 64) / 2, largest = 0;
    for (uint32_t r = 0; r < REPLICAS; r++) {
        source s = {"a", 1, 0, noise, r, {0}}, reference = {"b", 1, 0, noise, r, {0}};
        elbow_bench_figure t;
        elbow_bench_bias bias = compare(world, &s, &reference, 4, &t);
        add(&trace, (t.value - SIZE * noise * noise) / t.error);
        add(&norm, (bias.norm.value - 1) / bias.norm.error);
        add(&cosine, (bias.cosine.value - 1) / bias.cosine.error);
        add(&z, bias.z);
        if (bias.z > largest) largest = bias.z;
        CHECK(bias.bias.value <= bias.most, "the most is not the most");
    }
    check_pull(&trace, "trace", 1.6);
    check_pull(&norm, "norm", 1.6);
    check_pull(&cosine, "cosine", 1.6);
    check_pull(&z, "z", 1.6);
    CHECK(largest < ELBOW_BENCH_SURE, "a bias is seen where there is none: z = %.2f", largest);
}

static void test_biased(void) {
    pull norm = {0}, cosine = {0}, bias = {0};
    double g = squares(direction), a = squares(across), scale = 0.8, turn = 0.5, least = INFINITY;
    double mean = sqrt((scale * scale * g + turn * turn * a) / g),
           apart = sqrt((0.04 * g + turn * turn * a) / g);
    for (uint32_t r = 0; r < REPLICAS; r++) {
        source s = {"a", scale, turn, 1.5, r, {0}}, reference = {"b", 1, 0, 0, r, {0}};
        elbow_bench_figure trace;
        elbow_bench_bias found = compare(world, &s, &reference, 4, &trace);
        add(&norm, (found.norm.value - mean) / found.norm.error);
        add(&cosine, (found.cosine.value - scale / mean) / found.cosine.error);
        add(&bias, (found.bias.value - apart) / found.bias.error);
        if (found.z < least) least = found.z;
    }
    check_pull(&norm, "norm", 1.6);
    check_pull(&cosine, "cosine", 1.6);
    check_pull(&bias, "bias", 1.6);
    CHECK(least > ELBOW_BENCH_SURE, "a bias is not seen: z = %.2f", least);
}

/* Nothing but rounding between them is no bias; and a real one without noise is one. */
static void test_still(void) {
    source same = {"a", 1, 0, 0, 0, {0}}, other = {"a", 1, 0.01, 0, 0, {0}},
           reference = {"b", 1, 0, 0, 0, {0}};
    elbow_bench_figure trace;
    elbow_bench_bias bias = compare(world, &same, &reference, 2, &trace);
    CHECK(bias.z == 0 && bias.bias.value < 1e-5 && fabs(bias.cosine.value - 1) < 1e-6, "z = %g", bias.z);
    CHECK(trace.value == 0 && trace.error == 0, "a trace of %g", trace.value);
    bias = compare(world, &other, &reference, 2, &trace);
    CHECK(bias.z > ELBOW_BENCH_SURE && bias.bias.value > 1e-3, "z = %g", bias.z);
}

/* The same as on one rank, to the bit. */
static void test_ranks(void) {
    elbow_world *one = NULL;
    source s = {"a", 1, 0.3, 2, 0, {0}}, reference = {"b", 1, 0, 2, 0, {0}};
    elbow_bench_figure trace, alone = {0};
    elbow_bench_bias expected = {0}, bias = compare(world, &s, &reference, 3, &trace);
    CHECK(elbow_world_sub(world, 1, &one) == ELBOW_OK, "no world of one");
    if (one) expected = compare(one, &s, &reference, 3, &alone);
    if (one) elbow_world_close(&one);
    elbow_world_broadcast(world, &expected, sizeof expected, 0);
    elbow_world_broadcast(world, &alone, sizeof alone, 0);
    CHECK(bias.z == expected.z && bias.most == expected.most, "z is %.17g, not %.17g", bias.z, expected.z);
    CHECK(bias.cosine.value == expected.cosine.value && bias.cosine.error == expected.cosine.error,
          "another cosine");
    CHECK(trace.value == alone.value && trace.error == alone.error, "another trace");
}

int main(int argc, char **argv) {
    static const rank_test tests[] = {
        {"unbiased", test_unbiased}, {"biased", test_biased}, {"still", test_still}, {"ranks", test_ranks}};
    return run_on_ranks(argc, argv, tests, sizeof tests / sizeof *tests);
}
