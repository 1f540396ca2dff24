#include "parallel/window.h"

#include <stdint.h>
#include <string.h>
#include <sys/statvfs.h>

/* Where MPI libraries keep their windows on Linux. A window that does not fit is no error when it is made: the first
 * touch of a page that is not there kills the rank. */
#define SHARED_MEMORY "/dev/shm"

bool elbow_window_fits(elbow_world *world, size_t bytes, size_t *missing) {
    MPI_Comm node = world->comm->node;
    uint64_t mine = bytes > 0 ? bytes + ELBOW_WINDOW_LINE : 0, wanted = 0, lacking = 0, most = 0;
    MPI_Allreduce(&mine, &wanted, 1, MPI_UINT64_T, MPI_SUM, node);
    struct statvfs room;
    if (statvfs(SHARED_MEMORY, &room) == 0) {
        uint64_t available = (uint64_t)room.f_bavail * (uint64_t)room.f_frsize;
        wanted += wanted / 64; /* some for what MPI itself keeps there */
        lacking = wanted > available ? wanted - available : 0;
    }
    MPI_Allreduce(&lacking, &most, 1, MPI_UINT64_T, MPI_MAX, world->comm->all);
    *missing = (size_t)most;
    return most == 0;
}

elbow_status elbow_window_create(elbow_window *window, MPI_Comm group, size_t bytes) {
    void *base = NULL;
    MPI_Errhandler handler;
    int mine = 0, all = 0;
    *window = (elbow_window){.window = MPI_WIN_NULL};
    MPI_Comm_get_errhandler(group, &handler);
    MPI_Comm_set_errhandler(group, MPI_ERRORS_RETURN);
    int result = MPI_Win_allocate_shared((MPI_Aint)(bytes + ELBOW_WINDOW_LINE), 1, MPI_INFO_NULL, group,
                                         &base, &window->window);
    MPI_Comm_set_errhandler(group, handler);
    MPI_Errhandler_free(&handler);
    mine = result == MPI_SUCCESS;
    MPI_Allreduce(&mine, &all, 1, MPI_INT, MPI_MIN, group);
    if (!all) { /* freeing is collective, and some have nothing to free: what there is is left to the end */
        window->window = MPI_WIN_NULL;
        return elbow_fail(ELBOW_MEMORY, "MPI gives no shared window of %.1f MB", (double)bytes / 1e6);
    }
    window->bytes = bytes;
    memset(base, 0, bytes + ELBOW_WINDOW_LINE);
    MPI_Win_lock_all(MPI_MODE_NOCHECK, window->window);
    return ELBOW_OK;
}

void elbow_window_destroy(elbow_window *window) {
    if (window->window == MPI_WIN_NULL) return;
    MPI_Win_unlock_all(window->window);
    MPI_Win_free(&window->window);
    *window = (elbow_window){.window = MPI_WIN_NULL};
}

char *elbow_window_segment(const elbow_window *window, size_t place) {
    MPI_Aint bytes = 0;
    int unit = 0;
    void *base = NULL;
    MPI_Win_shared_query(window->window, (int)place, &bytes, &unit, &base);
    return (char *)base + (ELBOW_WINDOW_LINE - (uintptr_t)base % ELBOW_WINDOW_LINE) % ELBOW_WINDOW_LINE;
}

void elbow_window_barrier(const elbow_window *window, MPI_Comm group) {
    MPI_Win_sync(window->window);
    MPI_Barrier(group);
    MPI_Win_sync(window->window);
}
