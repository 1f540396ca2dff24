#include "parallel/launch.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* Slurm numbers its own steps from above: the batch script, an interactive shell, … */
#define FIRST_SPECIAL_STEP 0xfffffff0UL

/* Innermost first: mpirun starts its processes inside the others' jobs and steps, where their variables stay set, and its
 * daemons on other nodes are steps of srun; PMI_SIZE is also what others than hydra set beside their own. */
static const struct {
    elbow_launcher launcher;
    const char *name, *size, *rank;
} kinds[] = {
    {ELBOW_LAUNCH_OPEN_MPI, "mpirun of Open MPI", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"},
    {ELBOW_LAUNCH_HYDRA, "mpiexec of MVAPICH", "MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK"},
    {ELBOW_LAUNCH_OTHER, "jsrun", "JSM_NAMESPACE_SIZE", "JSM_NAMESPACE_RANK"},
    {ELBOW_LAUNCH_HYDRA, "mpiexec of MPICH or Intel MPI", "PMI_SIZE", "PMI_RANK"},
    {ELBOW_LAUNCH_OTHER, "flux run", "FLUX_JOB_SIZE", "FLUX_TASK_RANK"},
    {ELBOW_LAUNCH_OTHER, "mpiexec of PALS", "PALS_SIZE", "PALS_RANKID"},
};

/* Where only the place is told, one that is not the first is enough. */
static const struct {
    const char *name, *rank;
} ranks_only[] = {
    {"mpiexec of PALS", "PALS_RANKID"}, {"aprun", "ALPS_APP_PE"}, {"a PMIx launcher", "PMIX_RANK"}};

/* A whole number from 0 on; −1 for anything else. */
static long read_number(const char *text) {
    char *end = NULL;
    if (text == NULL || *text < '0' || *text > '9') return -1;
    long number = strtol(text, &end, 10);
    return *end == 0 ? number : -1;
}

static void take(elbow_launch *launch, elbow_launcher launcher, const char *name, const char *variable,
                 long size, long rank) {
    launch->launcher = launcher;
    launch->name = name;
    launch->size = size;
    launch->rank = rank;
    snprintf(launch->found, sizeof launch->found, "%s=%ld", variable, size > 0 ? size : rank);
}

/* The batch script itself has SLURM_NTASKS and SLURM_PROCID too, but no step; nor is a shell on a terminal that was asked
 * for with many tasks a launch of what is typed there. */
static bool take_step(elbow_launch *launch, elbow_launch_get *get, void *context) {
    const char *step = get(context, "SLURM_STEP_ID"), *variable = "SLURM_STEP_NUM_TASKS";
    if (step == NULL) step = get(context, "SLURM_STEPID");
    long number = read_number(step);
    if (number < 0 || (unsigned long)number >= FIRST_SPECIAL_STEP) return false;
    if (get(context, "SLURM_PTY_PORT") != NULL) return false;
    long size = read_number(get(context, variable));
    if (size < 1) size = read_number(get(context, variable = "SLURM_NTASKS"));
    if (size < 1) return false;
    take(launch, ELBOW_LAUNCH_SRUN, "srun", variable, size, read_number(get(context, "SLURM_PROCID")));
    return true;
}

void elbow_launch_find(elbow_launch *launch, elbow_launch_get *get, void *context) {
    const char *apart = get(context, "ELBOW_SINGLETONS");
    *launch = (elbow_launch){.name = "", .rank = -1};
    launch->apart = apart != NULL && *apart != 0 && strcmp(apart, "0") != 0 && strcmp(apart, "no") != 0;
    launch->pmix = get(context, "PMIX_RANK") != NULL;
    launch->pmi = get(context, "PMI_RANK") != NULL || get(context, "PMI_FD") != NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        long size = read_number(get(context, kinds[i].size));
        if (size < 1) continue;
        take(launch, kinds[i].launcher, kinds[i].name, kinds[i].size, size,
             read_number(get(context, kinds[i].rank)));
        elbow_launch step = *launch;
        /* srun --mpi=pmi2 sets hydra's variables for its own tasks. */
        if (strcmp(kinds[i].size, "PMI_SIZE") == 0 && take_step(&step, get, context) && step.size == size &&
            step.rank == launch->rank)
            *launch = step;
        return;
    }
    if (take_step(launch, get, context)) return;
    for (size_t i = 0; i < sizeof ranks_only / sizeof *ranks_only; i++) {
        long rank = read_number(get(context, ranks_only[i].rank));
        if (rank < 0) continue;
        take(launch, ELBOW_LAUNCH_OTHER, ranks_only[i].name, ranks_only[i].rank, 0, rank);
        return;
    }
}

static const char *get_own(void *context, const char *name) {
    (void)context;
    return getenv(name);
}

void elbow_launch_here(elbow_launch *launch) {
    static elbow_launch found;
    static bool looked;
    if (!looked) elbow_launch_find(&found, get_own, NULL);
    looked = true;
    *launch = found;
}

static bool is_open_mpi(const char *library) { return strstr(library, "Open MPI") != NULL; }

/* What would have let them find each other. */
static void describe_mend(char *text, size_t room, const elbow_launch *launch, const char *library) {
    bool open = is_open_mpi(library);
    if (launch->launcher == ELBOW_LAUNCH_SRUN && launch->pmix)
        snprintf(text, room,
                 "srun offers PMIx, and %s does not take it: start them by its own mpirun, or by `srun "
                 "--mpi=pmi2` (`srun --mpi=list` names what this Slurm has)",
                 library);
    else if (launch->launcher == ELBOW_LAUNCH_SRUN)
        snprintf(text, room,
                 "start them by `srun --mpi=pmix`%s (`srun --mpi=list` names what this Slurm has), or by the "
                 "mpirun of "
                 "%s, which elbow is linked to",
                 open ? "" : " or `srun --mpi=pmi2`", library);
    else if (launch->launcher == ELBOW_LAUNCH_OPEN_MPI && open)
        snprintf(text, room,
                 "elbow is linked to %s: start them by the mpirun of that very version (`mpirun --version`), "
                 "and in a "
                 "container give it the one that is outside",
                 library);
    else
        snprintf(text, room, "elbow is linked to %s: start them by its own %s", library,
                 open ? "mpirun (`mpirun --version` says whose it is)" : "mpirun or mpiexec");
}

elbow_status elbow_launch_check(const elbow_launch *launch, int world_size, const char *library) {
    char mend[512], what[160];
    if (world_size != 1 || launch->apart || launch->launcher == ELBOW_LAUNCH_ALONE) return ELBOW_OK;
    if (launch->size == 1 || (launch->size == 0 && launch->rank < 1)) return ELBOW_OK;
    describe_mend(mend, sizeof mend, launch, library);
    if (launch->size > 0)
        snprintf(what, sizeof what, "%s started %ld processes (%s), and each", launch->name, launch->size,
                 launch->found);
    else
        snprintf(what, sizeof what, "%s started several processes (%s is one), and each", launch->name,
                 launch->found);
    return elbow_fail(
        ELBOW_PARALLEL,
        "%s sees only itself, as the one rank of a run of its own: they would all write to the same --out; "
        "%s; or, where they are meant to be runs apart, each with an --out of its own, set "
        "ELBOW_SINGLETONS=1",
        what, mend);
}

/* ------------------------------------------------------------------------------- while MPI starts */

/* Waits for a byte; the end of the pipe without one is the parent's. */
static _Noreturn void watch_parent(int end, const char *text) {
    char byte = 0;
    ssize_t count = read(end, &byte, 1);
    if (count == 0) {
        ssize_t written = write(STDERR_FILENO, text, strlen(text));
        (void)written;
    }
    _exit(0);
}

void elbow_launch_watch_begin(elbow_launch_watch *watch, const elbow_launch *launch, const char *library) {
    int ends[2];
    char text[1024];
    *watch = (elbow_launch_watch){0};
    if (launch->launcher != ELBOW_LAUNCH_SRUN || launch->pmix || launch->rank > 0) return;
    int length =
        snprintf(text, sizeof text,
                 "elbow: MPI did not start: srun offers no PMIx to the %ld process%s of this step (%s), "
                 "which %s needs; start "
                 "them by `srun --mpi=pmix` (`srun --mpi=list` names what this Slurm has), or by mpirun\n",
                 launch->size, launch->size == 1 ? "" : "es", launch->found, library);
    if (length < 0 || (size_t)length >= sizeof text || pipe(ends) != 0) return;
    fcntl(ends[1], F_SETFD, FD_CLOEXEC); /* MPI may start a daemon that outlives this */
    pid_t child = fork();
    if (child == 0) {
        close(ends[1]);
        watch_parent(ends[0], text);
    }
    close(ends[0]);
    if (child < 0)
        close(ends[1]);
    else
        *watch = (elbow_launch_watch){.child = (int)child, .end = ends[1]};
}

void elbow_launch_watch_end(elbow_launch_watch *watch) {
    if (watch->child == 0) return;
    ssize_t written = write(watch->end, "", 1);
    (void)written;
    close(watch->end);
    waitpid(watch->child, NULL, 0);
    watch->child = 0;
}
