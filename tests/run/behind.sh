# Checkpoints are written behind the steps: training goes on meanwhile, a second one waits for the first, a stop and a
# kill in the middle of one leave a good one, and no bit depends on any of it.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
synthetic data.h5 1000 1
run=("${small[@]}" --set parallel.shards=2 --set train.epochs=0 --set train.steps=120 --set checkpoint.every_steps=40
    --set train.evaluate_every=41 --set checkpoint.keep=9
    --set 'estimator.temperature=exponential 1 0.5 rate=1e-3')
quiet foreground launch 1 train "${run[@]}" --set checkpoint.background=no --out foreground

# lines REGEX…: they are in the log, in this order.
lines() {
    local regex at last=0
    for regex in "$@"; do
        at=$(grep -nE -m 1 "$regex" slow.log | cut -d: -f1)
        [ "${at:-0}" -gt "$last" ] || { cat slow.log >&2 && fail "not in the log, or not in its place: $regex"; }
        last=$at
    done
}

export ELBOW_TEST_WRITE_SECONDS=0.4
quiet slow launch 2 train "${run[@]}" --set train.steps=80 --detail --out slow
lines 'step 40: training stood still' 'step 41 +-ELBO' 'step 40: written in' 'step 80: training stood still' \
    'step 80: written in'
[ "$(digest slow)" = "$(digest foreground/checkpoints/step-000000080.h5)" ] || fail 'other bits in the background'

# --- killed while one is half-written: the one before is whole
half() { compgen -G "run/checkpoints/.step-$1.h5.tmp-*"; }
start 2 train "${run[@]}" --out run
await half 000000040
kill -KILL "$(pgrep -P "$pid" | head -n 1)"
finish
[ "$code" != 0 ] || fail 'exit code 0 after SIGKILL'
[ "$(stored_step run)" = 0 ] || fail "the newest checkpoint is of step $(stored_step run)"

# --- stopped while one is half-written: it is finished, and that of the last step is written
start 1 train "${run[@]}" --continue --out run --detail
await grep -q 'step 40: training stood still' background.log
kill -USR1 "$pid"
finish
[ "$code" = 75 ] || { cat background.log >&2 && fail "exit code $code after SIGUSR1"; }
[ "$(word run)" = stopped ] || fail "state is $(cat run/state)"
[ -e run/checkpoints/step-000000040.h5 ] || fail 'what was being written is not there'
echo "stopped at step $(stored_step run)"
[ "$(stored_step run)" -gt 40 ] || fail 'the last step is not saved'
unset ELBOW_TEST_WRITE_SECONDS
quiet resumed launch 2 train --resume run
same foreground run
[ -z "$(find run -name '.*')" ] || fail "left over: $(find run -name '.*')"
