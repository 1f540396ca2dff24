#include "elbow/parallel/library.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "parallel/comm.h"

void elbow_library_describe(char *text, size_t room) {
    char version[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    int length = 0;
    MPI_Get_library_version(version, &length);
    version[strcspn(version, ",\n")] = 0; /* the first words; how it was built follows */
    snprintf(text, room, "%s", version);
    for (char *c = text; *c; c++)
        if (*c == '\t') *c = ' ';
}

void elbow_library_allreduce(elbow_world *world, real *values, size_t count) {
    assert(count <= INT_MAX);
    MPI_Allreduce(MPI_IN_PLACE, values, (int)count, ELBOW_MPI_REAL, MPI_SUM, world->comm->all);
}
