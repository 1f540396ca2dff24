# Steps whose loss or gradient is no number: what is said and recorded, and that going on past them gives the same bits on
# every rank count, stopped and resumed or not.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
synthetic data.h5 2000 1
run=("${small[@]}" --set parallel.shards=4 --set train.log_every=1 --set estimator.temperature=0.8 --set train.evaluate_every=30)
events() { rows "$1" | grep -c "^events .*action=$2 " || true; }

# A run that is stopped by train.steps is evaluated there, too: all but evaluations is to be the same.
steps() { rows "$1" | grep -v '^evaluation'; }
same_steps() {
    [ "$(digest "$1")" = "$(digest "$2")" ] || fail "$1 and $2 have different digests"
    [ "$(steps "$1")" = "$(steps "$2")" ] || { diff <(steps "$1") <(steps "$2") | head -n 4 >&2 && fail "$1 and $2 have different metrics"; }
}

# --- stop: a row of the batch is infinite; the first step, the last of an epoch and the last of the run have gradients
# that are not
export ELBOW_TEST_FAULT=nonfinite:0:0,nonfinite:19:0,value:30:0:7,nonfinite:59:0
code=0
ELBOW_TEST_FAULT=value:30:0:7 launch 2 train "${run[@]}" --out stopped >stopped.log 2>&1 || code=$?
[ "$code" = 1 ] || { cat stopped.log >&2 && fail "exit code $code, not 1"; }
grep -m 1 '^elbow: step' stopped.log
[ "$(grep -c '^elbow: step 31: the loss is not finite in .* 0 (1 of its 25 examples, row [0-9]* of /train).*--resume stopped --set train.nonfinite=skip' stopped.log)" = 1 ] ||
    { cat stopped.log >&2 && fail 'no message, or several'; }
[ "$(word stopped)" = failed ] || fail "state: $(cat stopped/state)"
[ "$(events stopped 0x0p+0)" = 1 ] || { rows stopped >&2 && fail 'no event in metrics.h5'; }
[ "$(stored_step stopped)" = 30 ] || fail "the newest checkpoint is of step $(stored_step stopped)"

# Accuracy is of runs with labels, and a scale only where the gradient shows in its noise.
means() { rows "$1" | grep -v '^events' | sed -E 's/ (accuracy|noise_scale)=-?nan//g'; }

# --- skip
quiet skip launch 2 train "${run[@]}" --set train.nonfinite=skip --out skip
[ "$(grep -c 'warning: step .* is passed over' skip.log)" = 4 ] || { cat skip.log >&2 && fail 'not four warnings'; }
[ "$(events skip 0x1p+0)" = 4 ] || { rows skip >&2 && fail 'not four events'; }
[ "$(rows skip | grep -c '^train')" = 56 ] || fail 'a row of /train has no step, or lacks one'
[ "$(means skip | grep -c nan)" = 0 ] || fail 'NaN in the means'
quiet part launch 3 train "${run[@]}" --set train.nonfinite=skip --set train.steps=43 --set parallel.replica=rank --out part
quiet resume launch 1 train --resume part --set train.steps=60
same_steps skip part

# --- bounded, over all lives
code=0
ELBOW_TEST_FAULT=loss:75:0 launch 2 train --resume part --set train.steps=0 --set train.epochs=4 --set train.nonfinite_limit=4 >limit.log 2>&1 || code=$?
[ "$code" = 1 ] || { cat limit.log >&2 && fail "exit code $code beyond the limit"; }
grep -q '^elbow: step 76: .* 4 steps .*train.nonfinite_limit allows.*--set train.nonfinite_limit=40' limit.log ||
    { cat limit.log >&2 && fail 'the message'; }

# --- rollback: to regular checkpoints alone, neither to that of the evaluation at 30 nor to where a life ended; 40 fails
# at once, and is passed over for 20
export ELBOW_TEST_FAULT=nonfinite:25:0,value:35:0:3,nonfinite:40:0,loss:41:0,nonfinite:59:0
back=("${run[@]}" --set train.nonfinite=rollback --set checkpoint.keep=1)
targets() { rows "$1" | sed -n 's/^events .*action=0x1p+1 target=\([^ ]*\).*/\1/p' | xargs; }
quiet back launch 2 train "${back[@]}" --out back
[ "$(targets back)" = '0x1.4p+4 0x1.4p+4 0x1.4p+4 0x1.4p+4 0x1.4p+4' ] || fail "it went back to $(targets back)"
[ "$(means back | grep -c nan)" = 0 ] || fail 'NaN in the means'
quiet cut launch 3 train "${back[@]}" --set train.steps=33 --set parallel.replica=rank --out cut
quiet resume launch 1 train --resume cut --set train.steps=60
same_steps back cut
differ back skip 'one skipped and one rolled back'
expect_fail 2 'train.nonfinite.*checkpoint.every_steps' launch 0 train "${back[@]}" --set checkpoint.every_steps=0 --out none

# --- a learning rate that will not do, from step 35 on: as often as allowed, and no more
code=0
ELBOW_TEST_FAULT='' launch 1 train "${back[@]}" --set 'optimizer.learning_rate=step 3e-3 1e30 every=35' --set train.nonfinite_limit=3 \
    --out diverged >diverged.log 2>&1 || code=$?
[ "$code" = 1 ] || { cat diverged.log >&2 && fail "exit code $code, not 1"; }
[ "$(targets diverged)" = '0x1.4p+4 0x1.4p+4 0x1.4p+4' ] || fail "it went back to $(targets diverged)"
grep '^elbow: step' diverged.log | grep -q 'examples, the first row .* 3 steps were passed over' || { cat diverged.log >&2 && fail 'the message'; }
