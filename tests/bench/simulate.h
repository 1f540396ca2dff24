/* What stands between the exchange and SimGrid. scripts/simulate compiles src/parallel/ and the arena as they are, with
 * this header before each file: what costs time on a real machine but none in a simulator is charged for, and memory that
 * a simulator of hundreds of ranks does not have is folded. simulate.c says how. */
#ifndef ELBOW_TESTS_BENCH_SIMULATE_H
#define ELBOW_TESTS_BENCH_SIMULATE_H

#include <mpi.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "math/vector.h"

/* Passes over memory: what they move is put on this rank's bill. */
void simulated_take(real *y, real *x, size_t n, double *of_y, double *of_x);
double simulated_square_sum(const real *x, size_t n);

/* The bill is paid, in simulated time, before anything that another rank can notice. */
void simulated_pay(void);

/* Large blocks are folded where the values are not looked at: virtual addresses without memory behind them. */
void *simulated_memory(size_t alignment, size_t bytes);
void *simulated_memset(void *to, int value, size_t bytes);

/* SMPI's own takes all segments of a window for equally long. */
int simulated_window(MPI_Aint bytes, int unit, MPI_Info info, MPI_Comm group, void *base, MPI_Win *window);

/* SMPI's own sends every rank's whole vector to every other one. This one is MPI_Allreduce when it is waited for, as
 * where no thread of the library's makes progress. */
int simulated_iallreduce(void *values, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm,
                         MPI_Request *request);
void simulated_allreduces(void);

#ifndef SIMULATE_ITSELF
#define elbow_take              simulated_take
#define elbow_square_sum        simulated_square_sum
#define aligned_alloc           simulated_memory
#define memset                  simulated_memset
#define statvfs(path, room)     (-1) /* windows are not in /dev/shm here */
#define MPI_Win_allocate_shared simulated_window
#define MPI_Win_sync(window)    ((void)(window)) /* one process, and SMPI has none */
#define MPI_Iallreduce(in, values, count, type, op, comm, request)                                           \
    simulated_iallreduce(values, count, type, op, comm, request)
#define MPI_Waitall(...)    (simulated_pay(), simulated_allreduces(), MPI_Waitall(__VA_ARGS__))
#define MPI_Testall(...)    (simulated_pay(), MPI_Testall(__VA_ARGS__))
#define MPI_Isend(...)      (simulated_pay(), MPI_Isend(__VA_ARGS__))
#define MPI_Irecv(...)      (simulated_pay(), MPI_Irecv(__VA_ARGS__))
#define MPI_Barrier(...)    (simulated_pay(), MPI_Barrier(__VA_ARGS__))
#define MPI_Allgatherv(...) (simulated_pay(), MPI_Allgatherv(__VA_ARGS__))
#endif

#endif
