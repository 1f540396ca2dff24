#include "vae/swaps.h"

#include <string.h>

#include "math/bernoulli_latent.h"
#include "math/noise.h"

typedef struct elbow_swaps_seen {
    uint64_t mark; /* of what differs from the draw; 0: the place is free */
    uint32_t swap;
} elbow_swaps_seen;

static bool is_first_of_its_kind(const elbow_stochastic *layer, size_t g) {
    for (size_t i = 0; i < g; i++)
        if (elbow_swaps_categories(&layer->groups[i]) == elbow_swaps_categories(&layer->groups[g]))
            return false;
    return true;
}

size_t elbow_swaps_count(const elbow_stochastic *layer, size_t most) {
    size_t count = 0;
    for (size_t g = 0; g < layer->count; g++) {
        size_t K = elbow_swaps_categories(&layer->groups[g]);
        if (K < 2 || !is_first_of_its_kind(layer, g)) continue;
        if (K / 2 > most / (K - 1) || K * (K - 1) / 2 > most - count) return SIZE_MAX;
        count += K * (K - 1) / 2;
    }
    return count;
}

static void list_swaps(elbow_swaps *swaps) {
    const elbow_stochastic *layer = swaps->layer;
    elbow_swap *to = swaps->list;
    for (size_t g = 0; g < layer->count; g++) {
        uint32_t K = (uint32_t)elbow_swaps_categories(&layer->groups[g]);
        if (is_first_of_its_kind(layer, g)) {
            swaps->begin[g] = (size_t)(to - swaps->list);
            for (uint32_t c = 0; c < K; c++)
                for (uint32_t j = c + 1; j < K; j++)
                    *to++ = (elbow_swap){.categories = K, .first = c, .second = j};
        }
        for (size_t i = 0; i < g; i++)
            if (elbow_swaps_categories(&layer->groups[i]) == K) swaps->begin[g] = swaps->begin[i];
    }
    *to = (elbow_swap){0};
}

elbow_status elbow_swaps_reserve(elbow_swaps *swaps, elbow_stochastic *layer, size_t rows,
                                 elbow_arena *arena) {
    swaps->layer = layer;
    swaps->count = elbow_swaps_count(layer, SIZE_MAX - 1);
    for (swaps->room = 4; swaps->room / 2 < swaps->count;) swaps->room *= 2;
    ELBOW_TRY(elbow_arena_take(arena, swaps->count + 1, sizeof *swaps->list, &swaps->list));
    ELBOW_TRY(elbow_arena_take(arena, layer->count, sizeof *swaps->begin, &swaps->begin));
    ELBOW_TRY(elbow_arena_take(arena, swaps->room, sizeof *swaps->seen, &swaps->seen));
    for (size_t g = 0; g < layer->count; g++) {
        const elbow_group *group = &layer->groups[g];
        ELBOW_TRY(elbow_arena_reals(arena, rows * group->words_width, &swaps->noise[g]));
        ELBOW_TRY(elbow_arena_take(arena, rows * group->variables * 3, sizeof *swaps->leading[g],
                                   &swaps->leading[g]));
    }
    list_swaps(swaps);
    return ELBOW_OK;
}

/* The three largest of log q + g, the largest first; of equals the lower category. Of two categories the third is none. */
static void find_leading(uint32_t leading[3], const real *log_q, const real *noise, uint32_t K) {
    real most[3];
    uint32_t found = 0;
    leading[0] = leading[1] = leading[2] = K;
    for (uint32_t k = 0; k < K; k++) {
        real value = log_q[k] + noise[k];
        uint32_t at = found < 3 ? found : 2;
        if (found == 3 && !(value > most[2])) continue;
        for (; at > 0 && value > most[at - 1]; at--) {
            most[at] = most[at - 1];
            leading[at] = leading[at - 1];
        }
        most[at] = value;
        leading[at] = k;
        if (found < 3) found++;
    }
}

/* Of bits the first is what was drawn, and the second what it swaps to. The 1 is category 0. */
static void take_bits(uint32_t *leading, real *swapped, elbow_group *group, size_t n) {
    for (size_t i = 0; i < n; i++) group->words[i] = ~group->words[i];
    elbow_bernoulli_sample(swapped, group->q, group->words, n);
    for (size_t i = 0; i < n; i++) group->words[i] = ~group->words[i];
    for (size_t i = 0; i < n; i++) {
        leading[3 * i] = group->z[i] > 0 ? 0 : 1;
        leading[3 * i + 1] = swapped[i] > 0 ? 0 : 1;
    }
}

void elbow_swaps_take(elbow_swaps *swaps, size_t rows) {
    for (size_t g = 0; g < swaps->layer->count; g++) {
        elbow_group *group = &swaps->layer->groups[g];
        size_t n = rows * group->variables, K = group->categories;
        if (group->z_size == 1) {
            take_bits(swaps->leading[g], swaps->noise[g], group, n);
            continue;
        }
        elbow_gumbel(swaps->noise[g], group->words, n * K);
        for (size_t v = 0; v < n; v++)
            find_leading(swaps->leading[g] + 3 * v, group->q + v * K, swaps->noise[g] + v * K, (uint32_t)K);
    }
}

/* What a variable becomes: the best of the two that swapped, and of the others. */
static uint32_t swapped_category(const uint32_t leading[3], const real *log_q, const real *noise,
                                 const elbow_swap *swap) {
    uint32_t c = swap->first, j = swap->second, best = c, i = 0;
    real most = log_q[c] + noise[j], value = log_q[j] + noise[c];
    if (value > most) most = value, best = j; /* c < j: the lower one wins a tie */
    while (i < 3 && (leading[i] == c || leading[i] == j)) i++;
    if (i == 3 || leading[i] == swap->categories) return best;
    value = log_q[leading[i]] + noise[leading[i]];
    return value > most || (value == most && leading[i] < best) ? leading[i] : best;
}

/* Category of variable v = r · L + l of a group after a swap. */
static uint32_t category_of(const elbow_swaps *swaps, size_t g, size_t v, const elbow_swap *swap) {
    const elbow_group *group = &swaps->layer->groups[g];
    const uint32_t *leading = swaps->leading[g] + 3 * v;
    size_t K = group->categories;
    if (swap->categories != elbow_swaps_categories(group)) return leading[0];
    if (group->z_size == 1) return leading[1];
    return swapped_category(leading, group->q + v * K, swaps->noise[g] + v * K, swap);
}

void elbow_swaps_write(const elbow_swaps *swaps, real *z, size_t row, size_t p) {
    const elbow_stochastic *layer = swaps->layer;
    const elbow_swap *swap = &swaps->list[p];
    memset(z, 0, layer->z_width * sizeof *z);
    for (size_t g = 0; g < layer->count; g++) {
        const elbow_group *group = &layer->groups[g];
        for (size_t l = 0; l < group->variables; l++, z += group->z_size) {
            uint32_t category = category_of(swaps, g, row * group->variables + l, swap);
            if (group->z_size > 1)
                z[category] = 1;
            else
                z[0] = category == 0 ? 1 : 0;
        }
    }
}

static uint64_t mix(uint64_t v) {
    v = (v ^ v >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    v = (v ^ v >> 27) * UINT64_C(0x94D049BB133111EB);
    return v ^ v >> 31;
}

/* A number for what a swap changes in a row; 0: nothing. */
static uint64_t mark_of(const elbow_swaps *swaps, size_t row, const elbow_swap *swap) {
    const elbow_stochastic *layer = swaps->layer;
    uint64_t mark = 0, place = 1;
    bool changed = false;
    for (size_t g = 0; g < layer->count; g++) {
        const elbow_group *group = &layer->groups[g];
        size_t L = group->variables, K = elbow_swaps_categories(group);
        for (size_t l = 0; K == swap->categories && l < L; l++) {
            uint32_t category = category_of(swaps, g, row * L + l, swap);
            if (category == swaps->leading[g][3 * (row * L + l)]) continue;
            mark += mix((place + l * K + category) * UINT64_C(0x9E3779B97F4A7C15));
            changed = true;
        }
        place += L * K;
    }
    return changed && mark == 0 ? 1 : mark;
}

static bool are_alike(const elbow_swaps *swaps, size_t row, size_t p, size_t other) {
    const elbow_stochastic *layer = swaps->layer;
    for (size_t g = 0; g < layer->count; g++) {
        size_t L = layer->groups[g].variables;
        for (size_t v = row * L; v < (row + 1) * L; v++)
            if (category_of(swaps, g, v, &swaps->list[p]) != category_of(swaps, g, v, &swaps->list[other]))
                return false;
    }
    return true;
}

size_t elbow_swaps_compare(elbow_swaps *swaps, uint32_t *like, size_t row) {
    size_t P = swaps->count, different = 0;
    memset(swaps->seen, 0, swaps->room * sizeof *swaps->seen);
    for (size_t p = 0; p < P; p++) {
        uint64_t mark = mark_of(swaps, row, &swaps->list[p]);
        like[p] = (uint32_t)P;
        if (mark == 0) continue;
        size_t at = (size_t)mark & (swaps->room - 1);
        for (; swaps->seen[at].mark != 0; at = (at + 1) & (swaps->room - 1))
            if (swaps->seen[at].mark == mark && are_alike(swaps, row, p, swaps->seen[at].swap)) break;
        if (swaps->seen[at].mark == 0) {
            swaps->seen[at] = (elbow_swaps_seen){.mark = mark, .swap = (uint32_t)p};
            different++;
        }
        like[p] = swaps->seen[at].swap;
    }
    return different;
}
