/* Advice at the start: what is said of described nodes, and that nothing is said of good ones. */
#include "train/advice.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 64 };

typedef struct heard {
    int lines;
    char text[4096];
} heard;

static void hear(void *context, const char *text) {
    heard *h = context;
    size_t at = strlen(h->text);
    h->lines++;
    snprintf(h->text + at, sizeof h->text - at, "%s\n", text);
}

static elbow_seat seats[MOST];

/* A rank on `node` of `online` cores that may use cores first … last; last < first: all of them. */
static void sit(size_t rank, int node, int online, int first, int last) {
    elbow_seat *s = &seats[rank];
    memset(s, 0, sizeof *s);
    s->node = node;
    s->online = online;
    if (last < first) first = 0, last = online - 1;
    s->bound = last - first + 1;
    for (int core = first; core <= last; core++) s->mask[core / 64] |= UINT64_C(1) << core % 64;
    snprintf(s->host, sizeof s->host, "host-%d", node);
}

static heard advise(size_t count, int threads) {
    heard h = {0};
    elbow_advise(seats, count, threads, hear, &h);
    return h;
}

static void expect(heard h, int lines, const char *words) {
    if (h.lines != lines || strstr(h.text, words) == NULL)
        fail_msg("not %d lines with `%s`, but %d:\n%s", lines, words, h.lines, h.text);
    for (const char *line = h.text, *end; *line; line = end + 1) {
        end = strchr(line, '\n');
        if (strchr(line, ';') == NULL || strchr(line, ';') > end)
            fail_msg("a line does not say what to do:\n%s", line);
    }
}

static void nothing_to_say(void **state) {
    (void)state;
    sit(0, 0, 2, 0, -1);
    expect(advise(1, 1), 0, "");
    expect(advise(1, 2), 0, ""); /* two threads on two cores, unbound */
    for (size_t i = 0; i < 8; i++) sit(i, (int)i / 4, 16, (int)(i % 4) * 4, (int)(i % 4) * 4 + 3);
    expect(advise(8, 4), 0, "");
    expect(advise(8, 1), 0, "");
    for (size_t i = 0; i < 4; i++) sit(i, 0, 8, 0, 7); /* unbound, few cores */
    expect(advise(4, 2), 0, "");
    sit(0, 0, 128, 0, -1); /* alone on a large node */
    expect(advise(1, 8), 0, "");
    for (size_t i = 0; i < 4; i++) sit(i, 0, 0, 0, -1); /* nothing is known */
    for (size_t i = 0; i < 4; i++) seats[i].bound = 0;
    expect(advise(4, 2), 0, "");
}

static void too_many_threads(void **state) {
    (void)state;
    for (size_t i = 0; i < 6; i++) sit(i, i >= 2, 4, 0, -1); /* two on the first node, four on the second */
    expect(advise(6, 1), 0, "");
    expect(advise(6, 2), 1,
           "4 ranks × 2 threads on host-1, a node of 4 cores, take turns; start at most 2 ranks");
    expect(advise(6, 4), 1,
           "2 ranks × 4 threads on host-0, a node of 4 cores, take turns; start at most 1 rank a");
}

static void bound_to_too_few(void **state) {
    (void)state;
    sit(0, 0, 8, 3, 3);
    expect(advise(1, 4), 1,
           "4 threads a rank, and on host-0 one is bound to 1 core (3); give each rank its cores");
    for (size_t i = 0; i < 4; i++) sit(i, 0, 96, 70, 71);
    expect(advise(4, 1), 1, "4 ranks × 1 thread on host-0 are bound to the same 2 cores (70-71)");
    sit(0, 0, 8, 0, 3), sit(1, 0, 8, 0, 3), sit(2, 0, 8, 4, 7);
    expect(advise(3, 2), 0, "");           /* two share four cores, two threads each */
    expect(advise(3, 3), 1, "take turns"); /* 9 threads, 8 cores */
    sit(0, 0, 16, 0, 3), sit(1, 0, 16, 0, 3), sit(2, 0, 16, 4, 15);
    expect(advise(3, 3), 1, "2 ranks × 3 threads on host-0 are bound to the same 4 cores (0-3)");
    sit(0, 0, 16, 0, 0), sit(1, 0, 16, 0, 1), sit(2, 0, 16, 0, 1);
    seats[1].mask[0] = seats[2].mask[0] = 0x101; /* cores 0 and 8, and core 0 is the first one's */
    expect(advise(3, 1), 1, "3 ranks × 1 thread on host-0 are bound to the same 2 cores (0,8)");
}

static void unbound_on_many_cores(void **state) {
    (void)state;
    for (size_t i = 0; i < 4; i++) sit(i, 0, 32, 0, -1);
    expect(advise(4, 2), 1, "the 4 ranks on host-0 are bound to none of its 32 cores");
    for (size_t i = 0; i < 8; i++) sit(i, (int)i / 4, 32, 0, -1);
    expect(advise(8, 2), 1, "--bind-to core"); /* once, not for each node */
}

static void less_time_than_threads(void **state) {
    (void)state;
    sit(0, 0, 8, 0, -1);
    seats[0].quota = 1.5;
    expect(advise(1, 1), 0, "");
    expect(advise(1, 2), 1,
           "on host-0 a control group allows 1.5 cores' worth of time (cpu.max), and 1 rank × 2 threads");
    seats[0].quota = 2;
    expect(advise(1, 2), 0, "");
    expect(advise(1, 16), 2, "take turns"); /* and the quota */
}

/* The node has more cores than the job. */
static void fewer_cores_than_the_node(void **state) {
    (void)state;
    for (size_t i = 0; i < 4; i++) sit(i, 0, 64, 8, 11), seats[i].granted = 4;
    expect(advise(4, 1), 0, "");
    expect(advise(4, 2), 1,
           "4 ranks × 2 threads on host-0 take turns, where the job has 4 of the node's 64 cores (its "
           "cpuset); start at "
           "most 2 ranks a node");
    for (size_t i = 0; i < 4; i++) seats[i].granted = 64; /* bound by the launcher, which can be told */
    expect(advise(4, 2), 1, "bound to the same 4 cores (8-11)");
    snprintf(seats[0].binder, sizeof seats[0].binder, "OMP_PROC_BIND=close");
    expect(advise(4, 2), 1, "; OMP_PROC_BIND=close may be what binds them");
    expect(advise(1, 8), 1, "; OMP_PROC_BIND=close may be what binds them");
}

/* Cores c and c + half are one. */
static void hardware_threads(void **state) {
    (void)state;
    for (size_t i = 0; i < 4; i++) { /* each rank both hardware threads of a core */
        sit(i, 0, 8, 0, -1);
        memset(seats[i].mask, 0, sizeof seats[i].mask);
        seats[i].mask[0] = UINT64_C(0x11) << i;
        seats[i].whole[0] = UINT64_C(1) << i;
        seats[i].bound = 2;
    }
    expect(advise(4, 1), 0, "");
    expect(advise(4, 2), 1, "4 ranks × 2 threads on host-0 have 4 cores, with several hardware threads each");
    expect(advise(4, 2), 1, "or start 2 ranks a node");
    expect(advise(4, 3), 1, "take turns");
    for (size_t i = 0; i < 4; i++) memset(seats[i].whole, 0, sizeof seats[i].whole); /* unknown */
    expect(advise(4, 2), 0, "");
    for (size_t i = 0; i < 8; i++) sit(i, 0, 8, 0, -1), seats[i].whole[0] = 0xf; /* unbound */
    expect(advise(4, 1), 0, "");
    expect(advise(8, 1), 1, "8 ranks × 1 thread on host-0 have 4 cores");
}

static void too_little_memory(void **state) {
    (void)state;
    elbow_need needs[4] = {{.node = 0, .bytes = 3e9, .limit = HUGE_VAL, .host = "a"},
                           {.node = 1, .bytes = 3e9, .limit = 8e9, .host = "b"},
                           {.node = 1, .bytes = 3e9, .limit = 8e9, .host = "b"},
                           {.node = 1, .bytes = 3e9, .limit = 16e9, .host = "b"}};
    heard h = {0};
    elbow_advise_memory(needs, 3, hear, &h);
    expect(h, 0, "");
    elbow_advise_memory(needs, 4, hear, &h);
    expect(h, 1, "3 ranks on b will hold about 9 GB, and 8 GB is all");
}

/* Each node has its own trouble: what was said of one keeps nothing from being said of the next. */
static void another_trouble_on_each_node(void **state) {
    (void)state;
    for (size_t i = 0; i < 4; i++) sit(i, 0, 4, 0, -1);    /* 8 threads, 4 cores */
    for (size_t i = 4; i < 6; i++) sit(i, 1, 8, 3, 3);     /* bound to one core */
    for (size_t i = 6; i < 8; i++) sit(i, 2, 32, 0, -1);   /* adrift */
    for (size_t i = 8; i < 12; i++) sit(i, 3, 4, 0, -1);   /* as the first */
    for (size_t i = 12; i < 14; i++) sit(i, 4, 32, 0, -1); /* as the third */
    seats[13].quota = 1;
    expect(advise(8, 2), 3, "on host-0, a node of 4 cores, take turns");
    expect(advise(8, 2), 3, "2 ranks × 2 threads on host-1 are bound to the same 1 core (3)");
    expect(advise(8, 2), 3, "the 2 ranks on host-2 are bound to none of its 32 cores");
    expect(advise(12, 2), 3, ""); /* the fourth node's was said */
    expect(advise(14, 2), 4, "on host-4 a control group allows 1 core's worth of time");
    for (size_t i = 0; i < 2; i++) sit(i, 0, 32, 0, -1); /* the other way round */
    for (size_t i = 2; i < 6; i++) sit(i, 1, 4, 0, -1);
    expect(advise(6, 2), 2, "4 ranks × 2 threads on host-1, a node of 4 cores, take turns");
}

static void variables(void **state) {
    (void)state;
    const struct {
        const char *omp, *openblas;
        int threads, obeys, lines;
        const char *words;
    } cases[] = {
        {NULL, NULL, 1, 1, 0, ""},
        {"1", "1", 1, 1, 0, ""},
        {"2", "2", 2, 1, 0, ""},
        {"", "nonsense", 2, 1, 0, ""},
        {"8", NULL, 1, 1, 1, "OMP_NUM_THREADS=8 is set, and train.threads = 1 wins"},
        {"8", "4", 2, 1, 1, "OPENBLAS_NUM_THREADS=4 is set, and train.threads = 2 wins"},
        {"4,2", NULL, 4, 1, 0, ""},
        {NULL, NULL, 1, 0, 1, "set OMP_NUM_THREADS=1"},
        {"1", NULL, 1, 0, 0, ""},
        {"4", NULL, 1, 0, 1, "set OMP_NUM_THREADS=1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        heard h = {0};
        elbow_advise_environment(cases[i].omp, cases[i].openblas, cases[i].threads, cases[i].obeys, hear, &h);
        if (h.lines != cases[i].lines || strstr(h.text, cases[i].words) == NULL)
            fail_msg("case %d: %d lines: %s", (int)i, h.lines, h.text);
    }
}

/* This process's own: what is known of it agrees with itself. */
static void own_seat(void **state) {
    (void)state;
    elbow_seat seat;
    elbow_seat_find(&seat, 3, "here");
    int cores = 0;
    for (int w = 0; w < ELBOW_CORE_WORDS; w++)
        for (uint64_t m = seat.mask[w]; m != 0; m &= m - 1) cores++;
    assert_int_equal(seat.node, 3);
    assert_int_equal(seat.bound, cores);
    assert_true(seat.online >= seat.bound);
    assert_true(seat.granted >= seat.bound);
    int whole = 0;
    for (int w = 0; w < ELBOW_CORE_WORDS; w++)
        for (uint64_t m = seat.whole[w]; m != 0; m &= m - 1) whole++;
    assert_true(whole > 0 && whole <= cores);
    assert_int_equal(elbow_cores_bound(), cores); /* looking has not moved it */
    assert_string_equal(seat.host, "here");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_to_say),
        cmocka_unit_test(too_many_threads),
        cmocka_unit_test(bound_to_too_few),
        cmocka_unit_test(unbound_on_many_cores),
        cmocka_unit_test(less_time_than_threads),
        cmocka_unit_test(fewer_cores_than_the_node),
        cmocka_unit_test(hardware_threads),
        cmocka_unit_test(too_little_memory),
        cmocka_unit_test(another_trouble_on_each_node),
        cmocka_unit_test(variables),
        cmocka_unit_test(own_seat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
