# Processes of one launch that do not find each other are refused, by one of them; what one person starts alone is not.
# And ranks whose products would round differently.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
synthetic data.h5 300 1
train=(train "${small[@]}" --set train.steps=2 --set parallel.shards=2)

# Variables of a launcher around this test say nothing about what it starts.
for name in $(env | sed -n 's/^\(\(OMPI_COMM\|PMI\|PMIX\|SLURM\|PALS\|FLUX\|MV2\|JSM\)_[A-Z0-9_]*\)=.*/\1/p'); do unset "$name"; done

# refused REGEX VARIABLE=…: alone, with these variables, with one message and nothing left behind.
refused() {
    local pattern=$1
    shift
    expect_fail 1 "$pattern.*ELBOW_SINGLETONS=1" env "$@" timeout 60 "${alone[@]}" "${train[@]}" --out new
}
# allowed VARIABLE=…: trains. Slurm's own names would have Open MPI ask Slurm, so they are given without a node list.
allowed() {
    rm -rf run
    quiet run env "$@" timeout 60 "${alone[@]}" "${train[@]}" --out run
}

refused 'mpirun of Open MPI started 4 processes \(OMPI_COMM_WORLD_SIZE=4\)' OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=0
linked=$(sed -n 's/.*linked to \(Open MPI\).*/\1/p' expect.err)
refused 'jsrun started 3 processes' JSM_NAMESPACE_SIZE=3 JSM_NAMESPACE_RANK=0
allowed OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=0 ELBOW_SINGLETONS=1
allowed SLURM_NTASKS=4 SLURM_PROCID=0
reference=$(digest run)
quiet info env OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=1 "$ELBOW" info run # never parallel
quiet one timeout 60 "$ELBOW_MPIEXEC" -n 1 env SLURM_NTASKS=8 SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=8 "$ELBOW" "${train[@]}" --out one
[ "$(digest one)" = "$reference" ] || fail 'one rank in a larger step trained something else'

# srun without PMIx: Open MPI ends the process itself, or it is alone; either way the last word is what to do.
code=0
env SLURM_JOB_ID=5 SLURM_JOBID=5 SLURM_NODELIST=here SLURM_STEP_ID=0 SLURM_STEPID=0 SLURM_PROCID=0 SLURM_NTASKS=4 \
    SLURM_STEP_NUM_TASKS=4 timeout 60 "${alone[@]}" "${train[@]}" --out new >srun.log 2>&1 || code=$?
[ "$code" = 1 ] || fail "srun without PMIx: exit code $code"
await grep -q '^elbow: .*srun --mpi=pmix' srun.log
[ "$(grep -c '^elbow' srun.log)" = 1 ] || fail "not one message: $(cat srun.log)"
[ ! -e new ] || fail 'it trained'

# Another MPI's launcher really makes singletons; the quiet one waits for the one that speaks.
hydra=$(command -v mpiexec.hydra || true)
if [ "$linked" = 'Open MPI' ] && [ -n "$hydra" ]; then
    code=0
    timeout 60 "$hydra" -n 3 "${alone[@]}" "${train[@]}" --out new >hydra.out 2>hydra.err || code=$?
    [ "$code" != 0 ] || fail 'singletons of another launcher trained'
    [ "$(grep -c '^elbow' hydra.err)" = 1 ] || fail "not one message: $(cat hydra.err)"
    grep -q '^elbow: mpiexec of MPICH.* started 3 processes (PMI_SIZE=3).*linked to Open MPI' hydra.err || fail "$(cat hydra.err)"
    [ ! -e new ] || fail 'it trained'
    quiet hydra timeout 60 "$hydra" -n 1 "${alone[@]}" "${train[@]}" --out hydra
    [ "$(digest hydra)" = "$reference" ] || fail 'one rank of another launcher trained something else'
else
    echo 'not tried: a second MPI library (mpiexec.hydra of mpich) beside Open MPI'
fi

# Different BLAS kernels round differently: refused before anything is trained, with a kernel that all have.
if grep -q 'BLAS .*OpenBLAS' run.log && [ "$linked" = 'Open MPI' ]; then
    expect_fail 1 'rank 1 on .*: its BLAS is OpenBLAS .*Nehalem, rank 0.s is OpenBLAS .*; .*OPENBLAS_CORETYPE=[A-Z]' \
        timeout 60 "$ELBOW_MPIEXEC" -n 1 "$ELBOW" "${train[@]}" --out new : \
        -n 1 -x OPENBLAS_CORETYPE=Nehalem "$ELBOW" "${train[@]}" --out new
    quiet same timeout 60 "$ELBOW_MPIEXEC" -n 1 -x OPENBLAS_CORETYPE=Nehalem "$ELBOW" "${train[@]}" --out same : \
        -n 1 -x OPENBLAS_CORETYPE=Nehalem "$ELBOW" "${train[@]}" --out same
else
    echo 'not tried: ranks with different kernels of OpenBLAS'
fi
