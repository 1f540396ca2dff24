# What scripts/test, scripts/quickstart and tests/tools/run_test share. Sourced by bash, not run.

# MPI on a workstation, in a container, in CI: more ranks than cores is fine, ranks that wait give way, and none
# is pinned. All by the environment, so that command lines are the same for Open MPI 4 and 5 (OMPI_, PRTE_) and
# for MPICH, which heeds none of it and needs none of it.
mpi_environment() {
    export OMPI_MCA_rmaps_base_oversubscribe=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
    export OMPI_MCA_hwloc_base_binding_policy=none PRTE_MCA_hwloc_default_binding_policy=none
    export OMPI_MCA_mpi_yield_when_idle=1
    # Containers forbid reading another process's memory; Open MPI 4 would complain on every run.
    export OMPI_MCA_btl_vader_single_copy_mechanism=none
    if [ "$(id -u)" = 0 ]; then
        export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
        export PRTE_ALLOW_RUN_AS_ROOT=1 PRTE_ALLOW_RUN_AS_ROOT_CONFIRM=1
    fi
    export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
}
