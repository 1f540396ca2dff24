/* Votes on which replica is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "train/replicas.h"

enum { MOST = 6 };

static void test_votes(void **state) {
    (void)state;
    static const struct {
        size_t count;
        uint64_t values[MOST];
        size_t agree, one, other;
    } cases[] = {
        {0, {0}, 0, 0, 0},
        {1, {5}, 1, 0, 1},
        {2, {5, 5}, 2, 0, 2},
        {2, {5, 6}, 0, 0, 1},
        {3, {5, 5, 6}, 2, 0, 2},
        {3, {6, 5, 5}, 2, 1, 0},
        {3, {5, 6, 5}, 2, 0, 1},
        {3, {5, 6, 7}, 0, 0, 1},
        {4, {5, 5, 6, 6}, 0, 0, 2},
        {4, {7, 5, 5, 5}, 3, 1, 0},
        {5, {7, 5, 6, 5, 5}, 3, 1, 0},
        {5, {5, 5, 6, 7, 8}, 0, 0, 2},
        {6, {6, 6, 5, 5, 5, 5}, 4, 2, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        elbow_vote vote = elbow_replicas_vote(cases[i].values, cases[i].count);
        assert_int_equal(vote.agree, cases[i].agree);
        assert_int_equal(vote.one, cases[i].one);
        assert_int_equal(vote.other, cases[i].other);
    }
}

/* Against counting, over all votes of up to six for three. */
static void test_all_votes(void **state) {
    (void)state;
    for (size_t n = 1; n <= MOST; n++) {
        size_t ways = 1;
        for (size_t i = 0; i < n; i++) ways *= 3;
        for (size_t way = 0; way < ways; way++) {
            uint64_t values[MOST];
            size_t counts[3] = {0}, most = 0;
            for (size_t i = 0, w = way; i < n; i++, w /= 3) counts[values[i] = w % 3]++;
            for (size_t v = 0; v < 3; v++)
                if (2 * counts[v] > n) most = counts[v];
            elbow_vote vote = elbow_replicas_vote(values, n);
            assert_int_equal(vote.agree, most);
            if (most > 0) assert_int_equal(counts[values[vote.one]], most);
            for (size_t i = 0; i < vote.one; i++) assert_int_not_equal(values[i], values[vote.one]);
            for (size_t i = 0; i < vote.other && i < n; i++) assert_int_equal(values[i], values[vote.one]);
            if (vote.other < n) assert_int_not_equal(values[vote.other], values[vote.one]);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_votes), cmocka_unit_test(test_all_votes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
