#include "elbow/parallel/world.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "elbow/base/log.h"
#include "elbow/parallel/library.h"
#include "parallel/comm.h"
#include "parallel/launch.h"
#include "parallel/waits.h"

enum { PIECE = 1 << 30, MESSAGE_BYTES = 4096, SINGLETON_SECONDS = 2 };
enum { REST = 10000000 }; /* ns between two looks of a rank that rests */

/* A node is numbered by its lowest rank: nodes in the order in which ranks first touch them. */
static elbow_status find_nodes(elbow_world *world) {
    struct elbow_world_comm *comm = world->comm;
    MPI_Comm_rank(comm->node, &world->node_rank);
    MPI_Comm_size(comm->node, &world->node_size);
    int lowest = world->rank;
    MPI_Bcast(&lowest, 1, MPI_INT, 0, comm->node);
    int *all = comm->counts;
    MPI_Allgather(&lowest, 1, MPI_INT, all, 1, MPI_INT, comm->all);
    world->nodes = 0;
    for (int r = 0; r < world->size; r++) {
        if (all[r] != r) continue;
        if (r == lowest) world->node = world->nodes;
        world->nodes++;
    }
    return ELBOW_OK;
}

/* A launcher that sees one process leave in failure may end the others, so the silent ones leave last. */
static elbow_status refuse_singletons(const elbow_launch *launch, const char *library) {
    int size = 0;
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    elbow_status status = elbow_launch_check(launch, size, library);
    if (status == ELBOW_OK) return ELBOW_OK;
    if (launch->rank > 0) {
        elbow_log_open(false, ELBOW_LOG_WARNING);
        sleep(SINGLETON_SECONDS);
    }
    MPI_Finalize();
    return status;
}

static elbow_status start_mpi(int *argc, char ***argv) {
    char library[128];
    elbow_launch launch;
    elbow_launch_watch watch;
    int provided = 0; /* a background writer never calls MPI: funneled will do */
    elbow_launch_here(&launch);
    elbow_library_describe(library, sizeof library);
    elbow_launch_watch_begin(&watch, &launch, library);
    int result = MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided);
    elbow_launch_watch_end(&watch);
    ELBOW_CHECK(result == MPI_SUCCESS, ELBOW_PARALLEL, "MPI did not start; check the launcher");
    return refuse_singletons(&launch, library);
}

/* The world of `all`, which it owns from here on. Collective over it. */
static elbow_status make(elbow_world **out, MPI_Comm all, bool finalize, bool launched) {
    elbow_world *world = calloc(1, sizeof *world);
    ELBOW_CHECK(world != NULL, ELBOW_MEMORY, "no memory for the world");
    world->comm = calloc(1, sizeof *world->comm);
    if (world->comm == NULL) {
        free(world);
        return elbow_fail(ELBOW_MEMORY, "no memory for the world");
    }
    struct elbow_world_comm *comm = world->comm;
    comm->finalize = finalize;
    comm->all = all;
    MPI_Comm_rank(comm->all, &world->rank);
    MPI_Comm_size(comm->all, &world->size);
    MPI_Comm_split_type(comm->all, MPI_COMM_TYPE_SHARED, world->rank, MPI_INFO_NULL, &comm->node);
    if (gethostname(world->host, sizeof world->host - 1) != 0) snprintf(world->host, sizeof world->host, "?");
    world->launched = world->size > 1 || launched;
    *out = world;

    comm->counts = calloc(2 * (size_t)world->size, sizeof *comm->counts);
    elbow_status status =
        comm->counts ? ELBOW_OK : elbow_fail(ELBOW_MEMORY, "no memory for a table of the ranks");
    ELBOW_TRY_ALL(world, status);
    comm->displacements = comm->counts + world->size;
    return find_nodes(world);
}

elbow_status elbow_world_open(elbow_world **out, int *argc, char ***argv) {
    *out = NULL;
    int initialized = 0;
    bool launched = elbow_log_launched();
    MPI_Initialized(&initialized);
    if (!initialized) ELBOW_TRY(start_mpi(argc, argv));
    MPI_Comm all = MPI_COMM_NULL;
    MPI_Comm_dup(MPI_COMM_WORLD, &all);
    return make(out, all, !initialized, launched);
}

elbow_status elbow_world_sub(elbow_world *world, int count, elbow_world **sub) {
    *sub = NULL;
    ELBOW_CHECK(count >= 1 && count <= world->size, ELBOW_USAGE,
                "a world of %d of %d ranks cannot be; ask for 1 to %d", count, world->size, world->size);
    MPI_Comm some = MPI_COMM_NULL;
    MPI_Comm_split(world->comm->all, world->rank < count ? 0 : MPI_UNDEFINED, world->rank, &some);
    elbow_status status = some == MPI_COMM_NULL ? ELBOW_OK : make(sub, some, false, world->launched);
    status = elbow_world_agree(world, status);
    if (status != ELBOW_OK) elbow_world_close(sub);
    return status;
}

void elbow_world_close(elbow_world **world) {
    if (*world == NULL) return;
    struct elbow_world_comm *comm = (*world)->comm;
    bool finalize = comm->finalize;
    MPI_Comm_free(&comm->node);
    MPI_Comm_free(&comm->all);
    free(comm->counts);
    free(comm);
    free(*world);
    *world = NULL;
    if (finalize) MPI_Finalize();
}

void elbow_world_abort(elbow_world *world, int code) { MPI_Abort(world->comm->all, code); }

elbow_status elbow_world_agree(elbow_world *world, elbow_status status) {
    MPI_Comm all = world->comm->all;
    int mine = status == ELBOW_OK ? INT_MAX : world->rank, lowest = INT_MAX;
    elbow_wait_begin(world);
    MPI_Allreduce(&mine, &lowest, 1, MPI_INT, MPI_MIN, all);
    elbow_wait_end(world);
    if (lowest == INT_MAX) return ELBOW_OK;

    int code = (int)status;
    char message[MESSAGE_BYTES] = "";
    if (world->rank == lowest) {
        if (lowest == 0)
            snprintf(message, sizeof message, "%s", elbow_error_message());
        else
            snprintf(message, sizeof message, "rank %d on %s: %s", world->rank, world->host,
                     elbow_error_message());
    }
    elbow_wait_begin(world);
    MPI_Bcast(&code, 1, MPI_INT, lowest, all);
    MPI_Bcast(message, sizeof message, MPI_CHAR, lowest, all);
    elbow_wait_end(world);
    return elbow_fail((elbow_status)code, "%s", message);
}

elbow_status elbow_world_same(elbow_world *world, const char *text, const char *what, const char *mend) {
    char first[256] = "";
    elbow_status status = ELBOW_OK;
    snprintf(first, sizeof first, "%s", text);
    ELBOW_TRY(elbow_world_broadcast(world, first, sizeof first, 0));
    if (strncmp(first, text, sizeof first - 1) != 0)
        status = elbow_fail(ELBOW_PARALLEL, "its %s is %s, rank 0's is %s; %s", what, text, first, mend);
    return elbow_world_agree(world, status);
}

elbow_status elbow_world_broadcast(elbow_world *world, void *bytes, size_t count, int root) {
    for (size_t done = 0; done < count; done += PIECE) {
        size_t piece = count - done < PIECE ? count - done : PIECE;
        elbow_wait_begin(world);
        MPI_Bcast((char *)bytes + done, (int)piece, MPI_BYTE, root, world->comm->all);
        elbow_wait_end(world);
    }
    return ELBOW_OK;
}

elbow_status elbow_world_broadcast_new(elbow_world *world, void **bytes, size_t *count, int root) {
    ELBOW_TRY(elbow_world_broadcast(world, count, sizeof *count, root));
    elbow_status status = ELBOW_OK;
    if (world->rank != root) {
        *bytes = malloc(*count ? *count : 1);
        if (*bytes == NULL)
            status = elbow_fail(ELBOW_MEMORY, "no memory for %zu bytes from rank %d", *count, root);
    }
    ELBOW_TRY_ALL(world, status);
    return elbow_world_broadcast(world, *bytes, *count, root);
}

/* Counts and displacements as MPI's ints; the total is small by contract, and checked. */
static elbow_status plan_gather(elbow_world *world, const size_t *counts) {
    size_t at = 0;
    for (int r = 0; r < world->size; r++) {
        ELBOW_CHECK(counts[r] <= INT_MAX - at, ELBOW_PARALLEL, "more than %d bytes to gather from all ranks",
                    INT_MAX);
        world->comm->counts[r] = (int)counts[r];
        world->comm->displacements[r] = (int)at;
        at += counts[r];
    }
    return ELBOW_OK;
}

elbow_status elbow_world_allgather(elbow_world *world, const void *bytes, void *all, const size_t *counts) {
    ELBOW_TRY(plan_gather(world, counts));
    struct elbow_world_comm *comm = world->comm;
    elbow_wait_begin(world);
    MPI_Allgatherv(bytes, comm->counts[world->rank], MPI_BYTE, all, comm->counts, comm->displacements,
                   MPI_BYTE, comm->all);
    elbow_wait_end(world);
    return ELBOW_OK;
}

elbow_status elbow_world_gather(elbow_world *world, const void *bytes, void *all, const size_t *counts) {
    ELBOW_TRY(plan_gather(world, counts));
    struct elbow_world_comm *comm = world->comm;
    elbow_wait_begin(world);
    MPI_Gatherv(bytes, comm->counts[world->rank], MPI_BYTE, all, comm->counts, comm->displacements, MPI_BYTE,
                0, comm->all);
    elbow_wait_end(world);
    return ELBOW_OK;
}

elbow_status elbow_world_gather_new(elbow_world *world, const void *item, size_t bytes, void **all) {
    size_t size = (size_t)world->size;
    *all = NULL;
    size_t *counts = malloc(size * sizeof *counts);
    void *items = world->rank == 0 ? malloc(size * bytes) : NULL;
    bool made = counts != NULL && (items != NULL || world->rank != 0);
    elbow_status status = elbow_world_agree(
        world, made ? ELBOW_OK : elbow_fail(ELBOW_MEMORY, "no memory for %zu bytes of each rank", bytes));
    for (size_t i = 0; status == ELBOW_OK && i < size; i++) counts[i] = bytes;
    if (status == ELBOW_OK) status = elbow_world_gather(world, item, items, counts);
    free(counts);
    if (status == ELBOW_OK)
        *all = items;
    else
        free(items);
    return status;
}

void elbow_world_barrier(elbow_world *world) {
    elbow_wait_begin(world);
    MPI_Barrier(world->comm->all);
    elbow_wait_end(world);
}

uint64_t elbow_world_waits(const elbow_world *world) {
    return atomic_load_explicit(&world->comm->waits, memory_order_relaxed);
}

void elbow_world_rest(elbow_world *world) {
    MPI_Request request = MPI_REQUEST_NULL;
    int done = 0;
    MPI_Ibarrier(world->comm->all, &request);
    for (long nap = 100000;; nap = nap < REST ? 2 * nap : REST) { /* from 0.1 ms on: most waits are short */
        MPI_Test(&request, &done, MPI_STATUS_IGNORE);
        if (done) return;
        nanosleep(&(struct timespec){.tv_nsec = nap}, NULL);
    }
}

double elbow_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
