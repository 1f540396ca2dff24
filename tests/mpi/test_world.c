/* How ranks agree: one message for all, and bytes from each to each. */
#include "check.h"

static void places(void) {
    CHECK(world->rank >= 0 && world->rank < world->size, "rank %d", world->rank);
    CHECK(world->node >= 0 && world->node < world->nodes, "node %d of %d", world->node, world->nodes);
    CHECK(world->node_rank >= 0 && world->node_rank < world->node_size, "%d", world->node_rank);
    CHECK(world->nodes * world->node_size >= world->size || world->nodes > 1, "%d nodes", world->nodes);
    CHECK(world->rank > 0 || (world->node == 0 && world->node_rank == 0),
          "rank 0 is first of the first node");
    CHECK(world->host[0] != 0, "no host name");
}

static void all_well(void) {
    for (int i = 0; i < 3; i++) CHECK(elbow_world_agree(world, ELBOW_OK) == ELBOW_OK, "all are well");
}

/* Each rank fails in turn, alone and with all above it: everyone gets the lowest one's status and message. */
static void one_fails(void) {
    for (int alone = 0; alone < 2; alone++)
        for (int r = 0; r < world->size; r++) {
            elbow_status status = ELBOW_OK;
            char expected[256], where[64] = "";
            if (world->rank == r || (!alone && world->rank > r))
                status = elbow_fail(world->rank == r ? ELBOW_FORMAT : ELBOW_MEMORY,
                                    "file %d: 100%% bad; mend it", world->rank);
            CHECK(elbow_world_agree(world, status) == ELBOW_FORMAT, "rank %d failed", r);
            snprintf(expected, sizeof expected, "file %d: 100%% bad; mend it", r);
            const char *message = elbow_error_message();
            if (r > 0) snprintf(where, sizeof where, "rank %d on ", r);
            CHECK(strncmp(message, where, strlen(where)) == 0, "the message says where");
            CHECK(strlen(message) >= strlen(expected) &&
                      strcmp(message + strlen(message) - strlen(expected), expected) == 0,
                  "the message ends in what the rank said");
            CHECK(r > 0 || strcmp(message, expected) == 0, "rank 0's message is as it is");
            check_same_message();
            CHECK(elbow_world_agree(world, ELBOW_OK) == ELBOW_OK, "and then all are well again");
        }
}

static uint8_t byte_of(int rank, size_t i) { return (uint8_t)hash_of((uint64_t)rank, i, 0); }

static void broadcasts(void) {
    static const size_t counts[] = {0, 1, 5, 4096, 1000003};
    for (int root = 0; root < world->size; root++)
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            size_t count = world->rank == root ? counts[c] : 999; /* only root's counts */
            void *bytes = NULL;
            if (world->rank == root) {
                uint8_t *own = bytes = malloc(counts[c] + 1);
                CHECK(own != NULL, "no memory");
                for (size_t i = 0; i < counts[c]; i++) own[i] = byte_of(root, i);
            }
            void *before = bytes;
            CHECK(elbow_world_broadcast_new(world, &bytes, &count, root) == ELBOW_OK, "root %d", root);
            CHECK(count == counts[c] && bytes != NULL, "%zu bytes of %zu", count, counts[c]);
            CHECK(world->rank != root || bytes == before, "the root keeps its own");
            for (size_t i = 0; i < count; i++)
                CHECK(((uint8_t *)bytes)[i] == byte_of(root, i), "byte %zu from rank %d", i, root);
            CHECK(elbow_world_broadcast(world, bytes, count, root) == ELBOW_OK, "root %d", root);
            free(bytes);
        }
}

/* Counts differ, and some are 0: each rank's, and their order. */
static void gathers(void) {
    for (int round = 0; round < 6; round++) {
        size_t *counts = calloc((size_t)world->size, sizeof *counts), total = 0;
        CHECK(counts != NULL, "no memory");
        for (int r = 0; r < world->size; r++)
            total += counts[r] = (size_t)((r + round) % 3 == 0 ? 0 : 1 + (r * 7919 + round * 104729) % 70000);
        uint8_t *own = malloc(counts[world->rank] + 1), *all = malloc(total + 1);
        CHECK(own != NULL && all != NULL, "no memory");
        for (size_t i = 0; i < counts[world->rank]; i++) own[i] = byte_of(world->rank, i);
        for (int everywhere = 0; everywhere < 2; everywhere++) {
            memset(all, 0xAA, total + 1);
            if (everywhere)
                CHECK(elbow_world_allgather(world, own, all, counts) == ELBOW_OK, "round %d", round);
            else
                CHECK(elbow_world_gather(world, own, world->rank ? NULL : all, counts) == ELBOW_OK, "%d",
                      round);
            CHECK(all[total] == 0xAA, "one byte too many");
            if (!everywhere && world->rank > 0) continue;
            size_t at = 0;
            for (int r = 0; r < world->size; r++)
                for (size_t i = 0; i < counts[r]; i++, at++)
                    CHECK(all[at] == byte_of(r, i), "byte %zu of rank %d", i, r);
        }
        free(counts);
        free(own);
        free(all);
    }
}

/* More than MPI's int can count is refused before any rank sends. */
static void too_much(void) {
    size_t counts[64] = {0};
    if (world->size < 2 || world->size > 64) return;
    counts[0] = counts[world->size - 1] = (size_t)INT32_MAX - 5;
    CHECK(elbow_world_allgather(world, NULL, NULL, counts) == ELBOW_PARALLEL, "4 GiB are refused");
    check_same_message();
}

/* The first ranks make a world of their own, at work in it while the others rest. */
static void parts_of_it(void) {
    elbow_world *sub = NULL;
    for (int count = 1; count <= world->size; count++) {
        CHECK(elbow_world_sub(world, count, &sub) == ELBOW_OK, "%d ranks", count);
        CHECK((sub != NULL) == (world->rank < count), "%d ranks", count);
        if (sub != NULL) {
            CHECK(sub->rank == world->rank && sub->size == count, "rank %d of %d", sub->rank, sub->size);
            CHECK(sub->node_rank == world->node_rank && sub->node_size <= world->node_size && sub->nodes >= 1,
                  "rank %d of %d on the node", sub->node_rank, sub->node_size);
            CHECK(world->nodes > 1 || sub->node_size == count, "%d on the only node", sub->node_size);
            int sum = 0, all[64] = {0};
            size_t counts[64];
            for (int r = 0; r < count; r++) counts[r] = sizeof *all;
            CHECK(elbow_world_allgather(sub, &sub->rank, all, counts) == ELBOW_OK, "%d ranks", count);
            for (int r = 0; r < count; r++) sum += all[r] - r;
            CHECK(sum == 0, "%d ranks", count);
            elbow_world_close(&sub);
            CHECK(sub == NULL, "closed");
        }
        elbow_world_rest(world);
    }
    CHECK(elbow_world_sub(world, world->size + 1, &sub) == ELBOW_USAGE && sub == NULL, "too many");
    CHECK(elbow_world_sub(world, 0, &sub) == ELBOW_USAGE && sub == NULL, "none");
}

int main(int argc, char **argv) {
    static const rank_test tests[] = {
        {"places", places},           {"all well", all_well}, {"one fails", one_fails},
        {"broadcasts", broadcasts},   {"gathers", gathers},   {"too much", too_much},
        {"parts of it", parts_of_it},
    };
    return run_on_ranks(argc, argv, tests, sizeof tests / sizeof *tests);
}
