# The job scripts under a real Slurm: two nodes by mpirun and by srun; a time limit, over three lives; scancel; requeue
# from outside; preemption; an array; lost nodes and a lost rank; lives that bring nothing. Whatever happens on the way,
# the run ends with the bits of an undisturbed one. The cases mostly wait, so they run beside each other. By hand:
# CASES='limit idle' runs only those, SHOW=1 also prints what the jobs said.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
# shellcheck source=tests/slurm/_cluster.sh
. "$ELBOW_SOURCE/tests/slurm/_cluster.sh"
real=$ELBOW here=$PWD work="$PWD/a folder" # spaces in every path
mkdir "$work"
cluster_start
data
mv data.h5 "$work/some data.h5"
cp "$ELBOW_SOURCE/configs/smoke.ini" "$work/a config.ini"
cp -r "$ELBOW_SOURCE/jobs" "$work/the jobs"
options=(--set "data.file=$work/some data.h5" --set train.pictures=no --set parallel.shards=2 --set train.epochs=6
    --set train.evaluate_every=60 --set checkpoint.every_steps=10)
cd "$work"
quiet plain launch 1 train 'a config.ini' "${options[@]}" --out plain
plain=$work/plain

# The program, but each of its steps takes PACE seconds in the first SLOW lives (of CUT or fewer seconds, then killed).
cat >elbow <<END
#!/bin/bash
life=\${SLURM_RESTART_COUNT:-0}
if [ \$life -lt "\${SLOW:-0}" ]; then export ELBOW_TEST_FAULT=slow:0:0:\$PACE,slow:0:1:\$PACE; fi
if [ "\$1" = train ] && [ -n "\${SLURM_JOB_END_TIME:-}" ]; then echo "clock: \$SLURM_JOB_END_TIME"; fi
if [ "\$1" = train ] && [ \$life -ge "\${CUT:-100}" ]; then exec timeout -s KILL 4 "$real" "\$@"; fi
exec "$real" "\$@"
END
chmod +x elbow
export ELBOW=$work/elbow
export OMPI_MCA_btl=tcp,self # the nodes share /dev/shm, where Open MPI's files would collide

# ----------------------------------------------------------------------------------------------- what cases use

# submit SBATCH-ARGUMENT…: the run is ./run, the log ./log; the job's number is in $job.
submit() { job=$(ELBOW_RUN="$PWD/run" sbatch --parsable --output=log "$@" "$work/the jobs/train.sbatch" "$work/a config.ini" "${options[@]}"); }

record() { scontrol -o show job "$job" 2>/dev/null; }
field() { record | head -n 1 | sed -nE "s/.* $1=([^ ]*).*/\1/p"; }

# job_ends WORD: the job comes to that end within two minutes; a requeued one need not wait to begin.
job_ends() {
    local state='' i
    for ((i = 0; i < 240; i++)); do
        state=$(field JobState)
        case $state in
        PENDING) # its last life is to be cleared away first
            sleep 2
            scontrol update JobId="$job" StartTime=now 2>/dev/null || true
            ;;
        COMPLETED | FAILED | CANCELLED | TIMEOUT | NODE_FAIL) break ;;
        esac
        sleep 0.5
    done
    [ "$state" = "$1" ] || fail "job $job ended as $state, not $1"
}

saved() { [ -e "$PWD/run/checkpoints/$(printf 'step-%09d.h5' "$1")" ]; }
lives() { grep -c . run/lives; }
# says REGEX [FILE]: the log, or FILE, has such a line.
says() { grep -qE -- "$1" "${2:-log}" || fail "no line in ${2:-log} says \"$1\""; }
finished() {
    [ "$(word run)" = finished ] || fail "state is $(cat run/state)"
    same "$plain" run
}

# --------------------------------------------------------------------------------------------------- the cases

# With little of this environment: what the script needs it takes along.
case_mpirun() {
    submit --nodes=2 --ntasks-per-node=1 --time=5 \
        --export=ELBOW,ELBOW_RUN,OMPI_ALLOW_RUN_AS_ROOT,OMPI_ALLOW_RUN_AS_ROOT_CONFIRM,OMPI_MCA_btl
    job_ends COMPLETED
    finished
    says 'on n\[1-2\]: from step 0 to step 120, finished' run/lives
    says '  ranks +2 on 2 nodes'
    clock_is_right
}

case_srun() {
    export ELBOW_LAUNCH='srun --mpi=pmix'
    submit --nodes=2 --ntasks-per-node=1 --time=1-00:05 --export=ELBOW,ELBOW_RUN,ELBOW_LAUNCH,OMPI_MCA_btl
    job_ends COMPLETED
    finished
    says '  ranks +2 on 2 nodes'
    clock_is_right
}

# Every rank has been told when the job ends.
clock_is_right() {
    local clock start limit
    local told=2
    if grep -q 'launched once more' log; then told=4; fi
    [ "$(grep -c '^clock: ' log)" = $told ] || fail 'not both ranks know when the job ends'
    clock=$(sed -n 's/^clock: //p' log | sort -u)
    start=$(date -d "$(field StartTime)" +%s)
    case $(field TimeLimit) in
    00:05:00) limit=300 ;;
    1-00:05:00) limit=86700 ;;
    *) fail "a limit of $(field TimeLimit)" ;;
    esac
    [ "${clock#*$'\n'}" = "$clock" ] && [ $((clock - start - limit)) -ge -3 ] && [ $((clock - start - limit)) -le 3 ] ||
        fail "the job ends at $((start + limit)); the ranks were told $clock"
}

# Slurm looks at its clock every half minute, so two lives end so; the third has all the time it needs.
case_limit() {
    export PACE=1 SLOW=2
    submit --nodes=2 --ntasks-per-node=1 --time=1 --signal=B:USR1@20
    job_ends COMPLETED
    finished
    [ "$(lives)" = 3 ] || fail "$(lives) lives, not 3: $(cat run/lives)"
    [ "$(grep -c 'to step [1-9][0-9]*, .*stopped: ' run/lives)" = 2 ] || fail "lives: $(cat run/lives)"
    says 'requeueing; the next life'
}

cancel() {
    export PACE=0.2 SLOW=9
    submit --nodes=2 --ntasks-per-node=1
    await saved 10
    scancel "$job"
    job_ends CANCELLED
    [ "$(word run)" = stopped ] || fail "state is $(cat run/state)"
    [ "$(field Restarts)" = 0 ] || fail 'it was requeued'
    says 'from step 0 to step [1-9][0-9]*, cancelled; stopped: ' run/lives
    says 'cancelled; to go on: submit train.sbatch with ELBOW_RUN='
}
case_cancel_mpirun() { cancel; }
case_cancel_srun() { ELBOW_LAUNCH='srun --mpi=pmix' cancel; }

case_requeue() {
    export PACE=0.2 SLOW=1
    submit --nodes=1 --ntasks=2
    await saved 10
    scontrol requeue "$job"
    job_ends COMPLETED
    finished
    [ "$(lives)" = 2 ] || fail "lives: $(cat run/lives)"
    says 'from step 0 to step [1-9][0-9]*, requeued from outside; stopped: ' run/lives
    says 'life 2 .*: from step [1-9][0-9]* to step 120, finished' run/lives
}

# By a job of higher priority; Slurm tells the ranks, and not the script.
case_preempt() {
    export PACE=0.2 SLOW=1
    submit --partition=low --nodes=1 --ntasks=2 --exclusive
    await saved 10
    sbatch --partition=high --nodes=1 --exclusive --output=high.log --wrap=true >high.id
    job_ends COMPLETED
    finished
    says 'from step 0 to step [1-9][0-9]*, .*preempted; stopped: ' run/lives
    [ "$(lives)" = 2 ] || fail "lives: $(cat run/lives)"
}

# Only the task that is warned is requeued: the last, whose number is the array's.
case_array() {
    local array
    export PACE=0.2 SLOW=1
    printf '%s\n' 'optimizer.learning_rate=3e-3 run.seed=1' 'optimizer.learning_rate=1e-2 model.encoder="48 32"' >'the sweep'
    array=$(sbatch --parsable --array=1-2 --nodes=1 --ntasks=1 "$work/the jobs/array.sbatch" --sweep 'the sweep' \
        "$work/a config.ini" "${options[@]}")
    await test -e "runs/a config-$array-2/checkpoints/step-000000010.h5"
    scancel --batch --signal=USR1 "${array}_2"
    for task in 1 2; do
        job=${array}_$task
        job_ends COMPLETED
        [ "$(field Restarts)" = $((task - 1)) ] || fail "task $task has $(field Restarts) restarts"
        mv "runs/a config-$array-$task" $task
        [ "$(word $task)" = finished ] || fail "state of task $task is $(cat $task/state)"
        [ -s "elbow-array-$array-$task.log" ] || fail 'no log of its own'
    done
    same "$plain" 1
    says '^encoder = 48 32' 2/config.ini
    differ 1 2 'two tasks of a sweep'
}

# The script's node stays: it sees its ranks die.
case_node() {
    export OMPI_MCA_odls_base_sigkill_timeout=1 # how long mpirun waits for the ranks of a dead node
    export PACE=0.2 SLOW=1
    submit --partition=frail --nodes=2 --ntasks-per-node=1
    await saved 10
    node_lost n4
    sleep 3
    node_back n4
    job_ends COMPLETED
    finished
    says 'from step 0 to step [1-9][0-9]*, (died while training|.*requeued)' run/lives
    says 'life [23] .*: from step [1-9][0-9]* to step 120, finished' run/lives
}

# The script's own node is lost, and stays away: Slurm requeues the job onto the one that remains.
case_node_of_script() {
    export PACE=0.2 SLOW=1
    submit --partition=doomed --nodes=1 --ntasks=2
    await saved 10
    node_lost "$(field BatchHost)"
    job_ends COMPLETED
    finished
    [ "$(lives)" = 2 ] || fail "lives: $(cat run/lives)"
    says 'on n5: from step 0 to step [1-9][0-9]*, no end was written' run/lives
    says 'on n6: from step [1-9][0-9]* to step 120, finished' run/lives
}

# One rank of an srun dies: the others do not wait for it, and the job goes on by itself.
case_rank() {
    local file killed=no
    export PACE=0.2 SLOW=1 ELBOW_LAUNCH='srun --mpi=pmix'
    submit --nodes=2 --ntasks-per-node=1
    await saved 10
    for file in $(grep -lsF "$PWD/run" /proc/[0-9]*/cmdline); do
        file=${file%cmdline}
        if grep -qzsxF SLURM_PROCID=1 "$file/environ" && [ "$(readlink "$file/exe")" = "$real" ]; then
            kill -KILL "$(basename "$file")" && killed=yes
        fi
    done
    [ $killed = yes ] || fail 'found no rank 1'
    SECONDS=0
    await grep -q 'state: died while training' log
    [ $SECONDS -le 25 ] || fail "the other rank waited for $SECONDS s"
    job_ends COMPLETED
    finished
    says 'from step 0 to step [1-9][0-9]*, died while training' run/lives
    [ "$(lives)" = 2 ] || fail "lives: $(cat run/lives)"
}

# A step takes longer than the limit; then the ranks die young.
case_idle() {
    export OMPI_MCA_odls_base_sigkill_timeout=1 # not what this is about
    export PACE=1000 SLOW=9 CUT=1
    submit --nodes=1 --ntasks=1 --time=1 --signal=B:USR1@1
    await test -e run/state
    scontrol update JobId="$job" EndTime="$(date -d '+15 seconds' +%FT%T)"
    job_ends FAILED
    [ "$(field Restarts)" = 2 ] || fail "$(field Restarts) restarts, not 2"
    [ "$(lives)" = 3 ] || fail "lives: $(cat run/lives)"
    says 'from step 0 to step 0, the time limit came; (died while training|had not saved)' run/lives
    says '3 lives in a row brought the run no further than step 0: not requeued'
    says 'try: '
}

# ------------------------------------------------------------------------------------------------------ run them

cases=() processes=()
# begin CASE…: each in a folder and a shell of its own.
begin() {
    local name
    for name in "$@"; do
        if [ $# -gt 0 ] && [ -n "${CASES:-}" ] && [[ " $CASES " != *" $name "* ]]; then continue; fi
        mkdir "$work/$name"
        (cd "$work/$name" && SECONDS=0 && "case_$name" && echo "$SECONDS s" >took) >"$here/$name.out" 2>&1 &
        cases+=("$name") processes+=($!)
    done
}

begin limit idle # the longest
[ -n "${CASES:-}" ] || await test -e "$work/limit/run/state"
begin node_of_script node requeue array rank preempt
sleep 3
begin mpirun srun cancel_mpirun cancel_srun

bad=0
for i in "${!cases[@]}"; do
    name=${cases[i]}
    if wait "${processes[i]}"; then
        echo "$name: ok, $(cat "$work/$name/took")"
        if [ -n "${SHOW:-}" ]; then grep -hE '^20|Slurm|^slurmstepd|stopped' "$work/$name"/*log; fi
        continue
    fi
    bad=$((bad + 1))
    echo "---- $name failed:" >&2
    cat "$here/$name.out" >&2
    tail -n 40 "$work/$name"/*log "$work/$name"/run/lives >&2 || true
    grep -h error: "$here"/cluster/slurm*.log | tail -n 20 >&2 || true
done
[ $bad = 0 ] || fail "$bad of ${#cases[@]} cases"
