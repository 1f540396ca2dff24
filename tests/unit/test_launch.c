/* Who started this process, by described environments; and which worlds of one are refused. */
#include "parallel/launch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* "A=1 B=2" */
static const char *look_up(void *context, const char *name) {
    static char value[64];
    const char *environment = context;
    size_t length = strlen(name);
    for (const char *at = environment; *at; at += strcspn(at, " "), at += *at == ' ') {
        if (strncmp(at, name, length) != 0 || at[length] != '=') continue;
        snprintf(value, sizeof value, "%.*s", (int)strcspn(at + length + 1, " "), at + length + 1);
        return value;
    }
    return NULL;
}

#define BATCH "SLURM_JOB_ID=7 SLURM_NTASKS=4 SLURM_NPROCS=4 SLURM_PROCID=0 SLURM_LOCALID=0 SLURM_NODEID=0 "
#define STEP  BATCH "SLURM_STEP_ID=0 SLURM_STEPID=0 SLURM_STEP_NUM_TASKS=4 "

enum { NOBODY = -1 };

static const struct {
    const char *environment, *name;
    long size, rank;
    bool refused; /* with a world of one */
} cases[] = {
    /* nobody's: a shell, a login node, a batch script, an interactive shell, a sweep's element */
    {"", "", 0, NOBODY, false},
    {"PATH=/bin SLURM_CONF=/etc/slurm.conf", "", 0, NOBODY, false},
    {BATCH, "", 0, NOBODY, false},
    {BATCH "SLURM_STEP_ID=4294967291", "", 0, NOBODY, false},
    {BATCH "SLURM_STEP_ID=4294967290 SLURM_STEP_NUM_TASKS=4", "", 0, NOBODY, false},
    {STEP "SLURM_PTY_PORT=4000", "", 0, NOBODY, false},
    {BATCH "SLURM_ARRAY_TASK_ID=3", "", 0, NOBODY, false},
    /* mpirun of Open MPI: alone, in an allocation, on a node where a step of its daemons runs */
    {"OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=2 PMIX_RANK=2", "mpirun of Open MPI", 4, 2, true},
    {"OMPI_COMM_WORLD_SIZE=1 OMPI_COMM_WORLD_RANK=0 PMIX_RANK=0", "mpirun of Open MPI", 1, 0, false},
    {BATCH "OMPI_COMM_WORLD_SIZE=1 OMPI_COMM_WORLD_RANK=0", "mpirun of Open MPI", 1, 0, false},
    {STEP "OMPI_COMM_WORLD_SIZE=1 OMPI_COMM_WORLD_RANK=0", "mpirun of Open MPI", 1, 0, false},
    {STEP "OMPI_COMM_WORLD_SIZE=8 OMPI_COMM_WORLD_RANK=7", "mpirun of Open MPI", 8, 7, true},
    /* mpiexec.hydra, whose proxies are steps of srun on other nodes */
    {"PMI_SIZE=2 PMI_RANK=1 PMI_FD=6", "mpiexec of MPICH or Intel MPI", 2, 1, true},
    {"PMI_SIZE=1 PMI_RANK=0 PMI_FD=6", "mpiexec of MPICH or Intel MPI", 1, 0, false},
    {STEP "PMI_SIZE=1 PMI_RANK=0", "mpiexec of MPICH or Intel MPI", 1, 0, false},
    {STEP "PMI_SIZE=6 PMI_RANK=0", "mpiexec of MPICH or Intel MPI", 6, 0, true},
    {"MV2_COMM_WORLD_SIZE=2 MV2_COMM_WORLD_RANK=1 PMI_SIZE=2 PMI_RANK=1", "mpiexec of MVAPICH", 2, 1, true},
    /* srun: without anything, with PMIx, with PMI-2, of one task, of older names */
    {STEP, "srun", 4, 0, true},
    {STEP "PMIX_RANK=0 PMIX_NAMESPACE=slurm.pmix.7.0", "srun", 4, 0, true},
    {STEP "PMI_SIZE=4 PMI_RANK=0 PMI_FD=9", "srun", 4, 0, true},
    {"SLURM_STEP_ID=2 SLURM_STEP_NUM_TASKS=1 SLURM_NTASKS=4 SLURM_PROCID=0", "srun", 1, 0, false},
    {"SLURM_STEPID=0 SLURM_NTASKS=3 SLURM_PROCID=2", "srun", 3, 2, true},
    {"SLURM_STEP_ID=0 SLURM_PROCID=0", "", 0, NOBODY, false},
    /* others */
    {"JSM_NAMESPACE_SIZE=20 JSM_NAMESPACE_RANK=1 PMIX_RANK=1", "jsrun", 20, 1, true},
    {"FLUX_JOB_SIZE=4 FLUX_TASK_RANK=3", "flux run", 4, 3, true},
    {"FLUX_JOB_SIZE=1 FLUX_TASK_RANK=0 OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=1", "mpirun of Open MPI",
     2, 1, true},
    {"PALS_SIZE=4 PALS_RANKID=3", "mpiexec of PALS", 4, 3, true},
    {"PALS_RANKID=3", "mpiexec of PALS", 0, 3, true},
    {"PALS_RANKID=0", "mpiexec of PALS", 0, 0, false}, /* it may be the only one */
    {"ALPS_APP_PE=1", "aprun", 0, 1, true},
    {"PMIX_RANK=5", "a PMIx launcher", 0, 5, true},
    /* nonsense says nothing */
    {"OMPI_COMM_WORLD_SIZE=four OMPI_COMM_WORLD_RANK=0", "", 0, NOBODY, false},
    {"PMI_SIZE=-3 PMI_RANK=0", "", 0, NOBODY, false},
    {"PMI_SIZE=", "", 0, NOBODY, false},
    {"OMPI_COMM_WORLD_SIZE=0", "", 0, NOBODY, false},
    {"SLURM_STEP_ID=x SLURM_STEP_NUM_TASKS=4", "", 0, NOBODY, false},
    /* meant */
    {STEP "ELBOW_SINGLETONS=1", "srun", 4, 0, false},
    {STEP "ELBOW_SINGLETONS=0", "srun", 4, 0, true},
};

static elbow_launch find(const char *environment) {
    elbow_launch launch;
    elbow_launch_find(&launch, look_up, (void *)(uintptr_t)environment);
    return launch;
}

static void environments(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        elbow_launch l = find(cases[i].environment);
        if (strcmp(l.name, cases[i].name) != 0 || l.size != cases[i].size || l.rank != cases[i].rank)
            fail_msg("`%s`: \"%s\", %ld processes, rank %ld", cases[i].environment, l.name, l.size, l.rank);
        if ((elbow_launch_check(&l, 1, "Open MPI v4.1.4") != ELBOW_OK) != cases[i].refused)
            fail_msg("`%s` is %srefused", cases[i].environment, cases[i].refused ? "not " : "");
        for (int size = 2; size < 9; size++) /* they see each other, however many: nothing to say */
            assert_int_equal(elbow_launch_check(&l, size, "Open MPI v4.1.4"), ELBOW_OK);
    }
}

static void expect(const char *environment, const char *library, const char *found, const char *mend) {
    elbow_launch l = find(environment);
    assert_int_equal(elbow_launch_check(&l, 1, library), ELBOW_PARALLEL);
    if (strstr(elbow_error_message(), found) == NULL || strstr(elbow_error_message(), mend) == NULL)
        fail_msg("without `%s` or `%s`: %s", found, mend, elbow_error_message());
    if (strstr(elbow_error_message(), library) == NULL) fail_msg("no %s: %s", library, elbow_error_message());
}

static void mends(void **state) {
    (void)state;
    expect(STEP, "Open MPI v4.1.4", "srun started 4 processes (SLURM_STEP_NUM_TASKS=4)",
           "start them by `srun --mpi=pmix` (`srun --mpi=list`");
    expect(STEP, "MPICH Version: 4.0.2", "srun started 4", "`srun --mpi=pmix` or `srun --mpi=pmi2`");
    expect(STEP "PMIX_RANK=0", "MPICH Version: 4.0.2", "srun started 4", "srun offers PMIx, and MPICH");
    expect("PMI_SIZE=2 PMI_RANK=0", "Open MPI v4.1.4", "mpiexec of MPICH or Intel MPI started 2 processes",
           "by its own mpirun (");
    expect("OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=0", "MPICH Version: 4.0.2",
           "mpirun of Open MPI started 2 processes", "linked to MPICH Version: 4.0.2: start them by its own");
    expect("OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=0", "Open MPI v4.1.4", "started 2 processes",
           "container");
    expect("ALPS_APP_PE=1", "MPICH Version: 4.0.2", "aprun started several processes (ALPS_APP_PE=1 is one)",
           "its own mpirun or mpiexec");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(environments), cmocka_unit_test(mends)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
