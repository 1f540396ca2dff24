# A run that was stopped, anywhere, by anything, and resumed, on any rank count, is the run that was not stopped.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
data
# 1300 steps of an epoch of 130; checkpoints fall in the middle of epochs and of rows of the metrics.
long=("${small[@]}" --set data.limit=13000 --set parallel.shards=4 --set train.epochs=10 --set train.log_every=7
    --set train.evaluate_every=325 --set checkpoint.every_steps=101 --set 'estimator.temperature=exponential 1 0.5 rate=1e-3')
quiet undisturbed launch 0 train "${long[@]}" --out undisturbed
[ "$(word undisturbed)" = finished ] || fail "state is $(word undisturbed)"

# interrupted RUN P SIGNAL…: starts it, and sends the signal once the first checkpoint in its middle is there.
interrupted() {
    local run=$1 ranks=$2
    shift 2
    start "$ranks" train "${long[@]}" --out "$run"
    await test -e "$run/checkpoints/step-000000101.h5"
    "$@"
    finish
    [ "$(word "$run")" = stopped ] || { cat background.log >&2 && fail "$run: state is $(cat "$run/state")"; }
    local step
    step=$(stored_step "$run")
    echo "$run: $(tail -n 1 "$run/state"), exit code $code"
    grep -q "at step $step of 1300" "$run/state" || fail "$run: the checkpoint is of step $step"
    [ "$step" -gt 100 ] && [ "$step" -lt 1300 ] || fail "$run: step $step is not in its middle"
}

# resumed RUN P: goes on to the end, as if nothing had been.
resumed() {
    quiet resumed launch "$2" train --resume "$1"
    [ "$(word "$1")" = finished ] || fail "$1: state is $(word "$1")"
    same undisturbed "$1"
}

send() { kill "-$1" "$pid"; }

interrupted usr1 3 send USR1
[ "$code" = 75 ] || fail "mpirun's exit code is $code"
grep -q 'Go on with: elbow train --resume usr1' background.log || fail 'it does not say how to go on'
resumed usr1 1

interrupted term 0 send TERM
[ "$code" = 75 ] || fail "exit code $code"
grep -q SIGTERM term/state || fail 'the state does not name the signal'
resumed term 4

interrupted int 0 send INT
[ "$code" = 75 ] || fail "exit code $code"
resumed int 2

interrupted file 2 touch file/stop
[ "$code" = 75 ] || fail "mpirun's exit code is $code"
resumed file 3
[ ! -e file/stop ] || fail 'the file stop is still there'

# The clock, which is of one life, start-up included, and stops a short one at half its limit; and --continue.
limit=$("$ELBOW" info undisturbed | sed -n 's/.*done, \([0-9.]*\) s of training/\1/p' |
    awk '{ limit = $1 / 2; print(limit < 0.6 ? 0.6 : limit) }')
lives=0
code=75
while [ "$code" = 75 ]; do
    lives=$((lives + 1))
    [ $lives -lt 20 ] || fail 'twenty lives, and not finished'
    code=0
    launch 0 train "${long[@]}" --out clock --continue --set checkpoint.time_limit="$limit" >clock.log 2>&1 || code=$?
    if [ "$code" = 75 ]; then grep -q 'checkpoint.time_limit at step' clock/state || fail "$(cat clock/state)"; fi
done
[ "$code" = 0 ] || { cat clock.log >&2 && fail "exit code $code"; }
[ $lives -ge 2 ] || fail 'the clock never stopped it'
echo "clock: $lives lives"
same undisturbed clock

# Slurm's clock: half of the shortest job is trained, and what cannot be a time is ignored.
code=0
SLURM_JOB_END_TIME=$(($(date +%s) + 3)) launch 0 train "${long[@]}" --set train.epochs=100000 --out slurm >slurm.log 2>&1 || code=$?
[ "$code" = 75 ] || { cat slurm.log >&2 && fail "exit code $code"; }
grep -q "^Slurm's clock at step $(stored_step slurm) of 13000000" slurm/state || fail "$(cat slurm/state)"
grep -q "Slurm's clock ends it at [0-9:]*, in [1-3] s" slurm.log || { cat slurm.log >&2 && fail 'the start table says nothing of it'; }
SLURM_JOB_END_TIME=soon quiet nonsense launch 0 train "${long[@]}" --set train.epochs=1 --out nonsense
grep -q 'warning: SLURM_JOB_END_TIME=soon is no time' nonsense.log || fail 'no warning'

# Where no checkpoint of a run can be read, --continue does not begin anew over it.
cp -r clock damaged
for file in damaged/checkpoints/*; do truncate -s 20000 "$file"; done
expect_fail 1 'none of 2 checkpoints is good' launch 2 train "${long[@]}" --out damaged --continue
# Where one can, it is taken, and the damaged one is named. Its metrics.h5 is of a later step: no row comes twice.
before=$(find clock/checkpoints -name 'step-*.h5' | sort | tail -n 2 | head -n 1)
cp "$before" damaged/checkpoints
quiet damaged launch 2 train "${long[@]}" --out damaged --continue
grep -q "warning: .*step-000001300.h5.*$(basename "$before") is taken instead" damaged.log || { cat damaged.log >&2 && fail 'no warning'; }
same undisturbed damaged

# --continue of a finished run does nothing, well.
before=$(digest clock)
quiet again launch 2 train "${long[@]}" --out clock --continue
grep -q 'this run is finished' again.log || fail 'it does not say that the run is finished'
[ "$(word clock)" = finished ] && [ "$(digest clock)" = "$before" ] || fail 'it changed'
