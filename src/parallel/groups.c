#include "parallel/groups.h"

static elbow_status take_tables(elbow_groups *groups, elbow_arena *arena) {
    size_t ranks = groups->ranks;
    ELBOW_TRY(elbow_arena_take(arena, ranks, sizeof(size_t), &groups->rank_of_seat));
    ELBOW_TRY(elbow_arena_take(arena, ranks, sizeof(size_t), &groups->seat_of_rank));
    ELBOW_TRY(elbow_arena_take(arena, ranks, sizeof(size_t), &groups->group_of_seat));
    return elbow_arena_take(arena, ranks + 1, sizeof(size_t), &groups->first);
}

/* From every rank's node (numbered by its lowest rank): seats in the order of nodes, then of ranks; then groups, as
 * even in size as they come. */
static void seat_ranks(elbow_groups *groups, const int *node_of_rank, size_t nodes, size_t most) {
    size_t seat = 0;
    for (size_t n = 0; n < nodes; n++) {
        size_t begin = seat;
        for (size_t r = 0; r < groups->ranks; r++) {
            if ((size_t)node_of_rank[r] != n) continue;
            groups->rank_of_seat[seat] = r;
            groups->seat_of_rank[r] = seat++;
        }
        size_t here = seat - begin, parts = most > 0 ? (here + most - 1) / most : 1;
        for (size_t p = 0; p < parts; p++) {
            groups->first[groups->count] = begin + p * here / parts;
            for (size_t s = groups->first[groups->count]; s < seat; s++)
                groups->group_of_seat[s] = groups->count;
            groups->count++;
        }
    }
    groups->first[groups->count] = seat;
}

elbow_status elbow_groups_create(elbow_groups *groups, elbow_world *world, size_t most, elbow_arena *arena) {
    int *node_of_rank = NULL;
    *groups = (elbow_groups){.ranks = (size_t)world->size, .group = MPI_COMM_NULL, .leaders = MPI_COMM_NULL};
    elbow_status status = take_tables(groups, arena);
    if (status == ELBOW_OK)
        status = elbow_arena_take(arena, groups->ranks, sizeof *node_of_rank, &node_of_rank);
    ELBOW_TRY_ALL(world, status);
    MPI_Allgather(&world->node, 1, MPI_INT, node_of_rank, 1, MPI_INT, world->comm->all);
    seat_ranks(groups, node_of_rank, (size_t)world->nodes, most);
    groups->seat = groups->seat_of_rank[world->rank];
    groups->mine = groups->group_of_seat[groups->seat];
    groups->place = groups->seat - groups->first[groups->mine];
    groups->size = elbow_groups_size(groups, groups->mine);
    MPI_Comm_split(world->comm->all, (int)groups->mine, (int)groups->place, &groups->group);
    MPI_Comm_split(world->comm->all, groups->place == 0 ? 0 : MPI_UNDEFINED, (int)groups->mine,
                   &groups->leaders);
    return ELBOW_OK;
}

void elbow_groups_destroy(elbow_groups *groups) {
    if (groups->group != MPI_COMM_NULL) MPI_Comm_free(&groups->group);
    if (groups->leaders != MPI_COMM_NULL) MPI_Comm_free(&groups->leaders);
}
