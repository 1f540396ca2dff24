# What jobs/train.sbatch decides, with stand-ins for Slurm and for the program, so that each case takes a second or two
# and wants no root: the clock that the program gets, and when a job is requeued.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
script=$ELBOW_SOURCE/jobs/train.sbatch here=$PWD
unset SLURM_JOB_END_TIME "${!SLURM_@}" "${!ELBOW_RUN@}"
mkdir bin
# The end and the time left that Slurm tells; a requeue leaves a file.
cat >bin/squeue <<'END'
#!/bin/bash
case "$*" in
*%e*) [ "${SLURM_TIME_FORMAT:-}" = %s ] && echo "${FAKE_END:-N/A}" ;;
*%L*) echo "${FAKE_LEFT:-INVALID}" ;;
esac
END
cat >bin/scontrol <<'END'
#!/bin/bash
case "$*" in
"show config") echo 'KillWait                = 30 sec' ;;
"show job"*) printf 'JobId=7\n   Requeue=1 Restarts=0 PreemptTime=%s\n   Command=/nowhere/train.sbatch\n' "${FAKE_PREEMPT:-None}" ;;
requeue*) echo "$2" >>requeued ;;
esac
END
# Its steps are in a file; it does what DOES says.
cat >bin/program <<'END'
#!/bin/bash
if [ "$1" = info ]; then
    echo "  step          $(cat steps) of 90" && exit
fi
echo "$SLURM_JOB_END_TIME" >clock
state() { printf '%s\n%s\n' "$1" "$2" >run/state.new && mv run/state.new run/state; }
eval "$DOES"
END
chmod +x bin/*
export PATH=$here/bin:$PATH ELBOW=$here/bin/program ELBOW_LAUNCH=env ELBOW_RUN=run SLURM_JOB_ID=7 SLURM_JOB_NODELIST=n1

# life CODE REQUEUED STEP WHAT: a life that does WHAT ends with that code, requeued or not, and its line says STEP.
life() {
    local code=0 requeued=no
    rm -f requeued
    DOES=$4 bash "$script" config.ini >>log 2>&1 || code=$?
    [ -e requeued ] && requeued=yes
    [ "$code $requeued" = "$1 $2" ] || fail "exit code $code, requeued: $requeued; not $1, $2"
    [[ $(tail -n 1 run/lives) == *" to step $3, "* ]] || fail "not to step $3: $(tail -n 1 run/lives)"
    SLURM_RESTART_COUNT=$((${SLURM_RESTART_COUNT:-0} + 1)) && export SLURM_RESTART_COUNT
}
says() { grep -qE -- "$1" log || fail "the log does not say \"$1\""; }
trains='state running x; sleep 6; echo $(($(cat steps) + 5)) >steps' # longer than "hardly"

case_finished() {
    life 0 no 5 "$trains; state finished 'all steps'"
    [[ $(cat run/lives) == *'job 7 life 1 on n1: from step 0 to step 5, finished: all steps' ]] || fail 'its line'
}
case_failed() {
    life 1 no 0 'state running x; state failed "disk full"; exit 1'
    says 'state: failed: disk full'
    says "go on: submit train.sbatch with ELBOW_RUN='?run'?, once that is mended"
}
case_preempt() { # SIGTERM for the ranks alone: by Slurm, or by somebody
    life 75 no 5 "$trains; state stopped 'SIGTERM at step 5'; exit 75"
    export FAKE_PREEMPT=2026-01-01T00:00:00
    life 75 yes 10 "$trains; state stopped 'SIGTERM at step 10'; exit 75"
}
case_hang() {
    life 75 yes 0 'state running x; state failed "rank 1 on n9 hangs; parallel.timeout is 60 s"; exit 1'
}
case_mistake() { # a config with a typo, say
    life 1 no 0 'exit 2'
    says 'training did not begin \(exit code 2\)'
}
# A library may crash while ranks find each other: once more, at once; then it is no accident.
case_crash() {
    life 0 no 5 "[ -e crashed ] || { touch crashed; exit 139; }; $trains; state finished 'all steps'"
    says 'a crash before training began \(exit code 139\): launched once more'
    echo 0 >steps
    life 1 no 0 'echo >>launches; exit 139'
    [ "$(wc -l <launches)" = 2 ] || fail "$(wc -l <launches) launches, not 2"
    says 'state: training did not begin \(exit code 139\)'
}
# A node that is still bad is worth another try where the run has trained; a run that moves is requeued for ever.
case_idle() {
    life 75 yes 5 'state running x; echo 5 >steps; exit 137'
    life 75 yes 5 'exit 1'
    life 75 yes 6 'state running x; echo 6 >steps; exit 137'
    life 75 yes 6 'state running x; exit 137'
    life 75 yes 6 'exit 1'
    life 1 no 6 'state running x; exit 137'
    says '3 lives in a row brought the run no further than step 6: not requeued'
    says '    .* life 5 on n1: from step 6 to step 6, training did not begin'
    says 'died while training \(exit code 137\)$'
    says 'try: the first error above, its mend, or other nodes \(sbatch --exclude=n1\); to go on: '
}
# One step a life is none: the limit leaves no time to train.
case_hardly() {
    local one='state running x; echo $(($(cat steps) + 1)) >steps; state stopped "the clock"; exit 75'
    life 75 yes 1 "$one"
    life 75 yes 2 "$one"
    life 1 no 3 "$one"
    says 'hardly trained before the time limit'
    says '3 lives in a row'
}
case_limit() {
    life 75 yes 5 "$trains; state stopped SIGUSR1; exit 75"
    says 'stopped: SIGUSR1: requeueing; the next life begins in about two minutes'
}
case_somebody() {
    # shellcheck disable=SC2016
    life 75 no 5 "$trains; state stopped 'the file \`stop\` in the run directory at step 5'; exit 75"
    says 'somebody asked for it: not requeued'
}
# A request to stop that somebody makes while no life is there is kept; the script's own, of an earlier life, is not.
case_between() {
    local code=0
    mkdir run
    echo 'job script of 7' >run/stop
    life 75 yes 5 "$trains; state stopped SIGUSR1; exit 75"
    touch run/stop
    rm -f requeued
    DOES='state finished x' bash "$script" config.ini >>log 2>&1 || code=$?
    [ "$code" = 75 ] && [ ! -e requeued ] && [ -e run/stop ] || fail "exit code $code after somebody's stop"
    says 'there is a file run/stop: not begun, and not requeued'
}
# The life before this one lost its node, and could not write its end.
case_no_word() {
    mkdir run
    printf 'then  job 7 life 1 on n9: from step 0' >run/lives
    echo 4 >steps
    SLURM_RESTART_COUNT=1 life 0 no 9 "$trains; state finished 'all steps'"
    [[ $(head -n 1 run/lives) == 'then  job 7 life 1 on n9: from step 0 to step 4, no end was written'* ]] || fail 'its line'
}
# Slurm requeues what its node took with it; the script itself ends that when it leads nowhere.
case_no_word_again() {
    local code=0 before
    mkdir run
    before='then  job 7 life 1 on n9: from step 0'
    printf '%s to step 0, died\n%s to step 0, no end\n%s' "$before" "$before" "$before" >run/lives
    SLURM_RESTART_COUNT=3 DOES='touch trained' bash "$script" config.ini >log 2>&1 || code=$?
    [ $code = 1 ] || fail "exit code $code"
    [ ! -e trained ] || fail 'it was tried again'
    says '3 lives in a row'
}
case_clock() {
    local left seconds now told
    while read -r left seconds; do
        now=$(date +%s)
        FAKE_LEFT=$left DOES='' bash "$script" config.ini >>log 2>&1 || true
        told=$(cat clock)
        if [ "$seconds" = none ]; then
            [ -z "$told" ] || fail "$left: told $told"
        else
            [ $((told - now - seconds)) -ge 0 ] && [ $((told - now - seconds)) -le 5 ] || fail "$left: $((told - now)) s"
        fi
    done <<'END'
59 59
0:30 30
08:09 489
10:00:00 36000
2-03:04:05 183845
UNLIMITED none
NOT_SET none
INVALID none
END
}
case_clock_end() {
    FAKE_END=1900000000 FAKE_LEFT=1:00 DOES='' bash "$script" config.ini >log 2>&1 || true
    [ "$(cat clock)" = 1900000000 ] || fail "the end by squeue: $(cat clock)"
    FAKE_END=1900000000 SLURM_JOB_END_TIME=1800000000 DOES='' bash "$script" config.ini >log 2>&1 || true
    [ "$(cat clock)" = 1800000000 ] || fail "the end by Slurm's variable: $(cat clock)"
}

cases=() processes=()
for name in finished failed preempt hang mistake crash idle hardly limit somebody between no_word no_word_again clock clock_end; do
    mkdir $name
    echo 0 >$name/steps
    (cd $name && "case_$name") >$name.out 2>&1 &
    cases+=("$name") processes+=($!)
done
bad=0
for i in "${!cases[@]}"; do
    wait "${processes[i]}" && continue
    bad=$((bad + 1))
    echo "---- ${cases[i]}:" >&2
    cat "${cases[i]}.out" "${cases[i]}/log" >&2
done
[ $bad = 0 ] || fail "$bad of ${#cases[@]} cases"
