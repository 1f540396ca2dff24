# A place where files may not grow (a quota, here a limit of the process), and a disk that returns what it was not given:
# the run goes on with one warning, tries again, says when that succeeds, and ends with the bits of one that met nothing
# of it. Who resumes on such a place is told before the first step. For any user.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
command -v prlimit >prlimit.log || skip 'no prlimit (util-linux) here'
synthetic data.h5 1000 1
run=("${small[@]}" --set train.epochs=0 --set train.steps=700 --set checkpoint.every_steps=40 --set parallel.shards=2
    --set train.evaluate_every=500 --set checkpoint.keep=1 --set 'estimator.temperature=exponential 1 0.5 rate=1e-3')
quiet undisturbed launch 0 train "${run[@]}" --out undisturbed

# --- in the middle
quiet stopped launch 0 train "${run[@]}" --set train.steps=80 --out run # a file of known size
size=$(stat -c %s run/checkpoints/step-000000080.h5)
rm -r run
export ELBOW_TEST_FAULT=slow:0:0:0.002 # so that there is time for all of it
start 0 train "${run[@]}" --out run
unset ELBOW_TEST_FAULT
await test -e run/checkpoints/step-000000080.h5
prlimit --pid "$pid" --fsize=$((size / 20)):unlimited
await grep -q 'warning: no checkpoint of step' background.log
await grep -q 'warning: .*run/metrics.h5' background.log
before=$(stored_step run)
"$ELBOW" info run >info.log || { cat info.log >&2 && fail 'no good checkpoint while none can be written'; }
sleep 0.5 # and again and again
prlimit --pid "$pid" --fsize=unlimited:unlimited
finish
[ "$code" = 0 ] || { cat background.log >&2 && fail "exit code $code"; }
grep -E 'warning|written, after|written again' background.log
grep -qE 'warning: no checkpoint of step [0-9]+: .*larger than a file may be .*another is tried in 30 s' background.log ||
    fail 'the warning does not say why, and what follows'
[ "$(grep -c 'warning: no checkpoint' background.log)" = 1 ] || fail 'a warning for every attempt'
[ "$(grep -c 'warning: .*metrics.h5' background.log)" = 1 ] || fail 'not one warning for metrics.h5'
grep -qE 'the checkpoint of step [0-9]+ is written, after ([2-9]|[0-9]{2,}) that were not' background.log ||
    fail 'it does not say that there are checkpoints again, or tried only once'
grep -q 'metrics.h5 is written again' background.log || fail 'it does not say that metrics.h5 is written again'
same undisturbed run
[ -z "$(find run -name '.*')" ] || fail "left over: $(find run -name '.*')"
echo "not written from step $before on"

# --- a disk that returns something else: the one before stays though keep = 1
ELBOW_TEST_WRITE_FLIP=40 quiet flipped launch 0 train "${run[@]}" --set train.steps=60 --out flipped
grep -q 'warning: no checkpoint of step 40: .*what was read back is not what was written.*newest good one is of step 0' flipped.log ||
    { cat flipped.log >&2 && fail 'what the disk returned was believed'; }
grep -q 'the checkpoint of step 60 is written, after 1 that was not' flipped.log || fail 'no word of the next one'
ELBOW_TEST_WRITE_FLIP=60 quiet believed launch 0 train "${run[@]}" --set train.steps=60 --set checkpoint.verify=no --out believed
! grep -q warning believed.log || fail 'looked at with checkpoint.verify = no'
! "$ELBOW" info believed/checkpoints/step-000000060.h5 >info.log 2>&1 || fail 'the disk was good after all'

# --- resumed where nothing can be written (root can, anywhere: see full_disk.sh): told before the first step
if [ "$(id -u)" != 0 ]; then
    chmod a-w flipped/checkpoints
    code=0
    launch 0 train --resume flipped --set train.steps=700 >resumed.log 2>&1 || code=$?
    chmod u+w flipped/checkpoints
    [ "$code" = 1 ] || { cat resumed.log >&2 && fail "exit code $code where no checkpoint can be written"; }
    grep -E '^elbow: flipped/checkpoints/.*cannot be written' resumed.log || { cat resumed.log >&2 && fail 'no message'; }
    ! grep -q -- '-ELBO' resumed.log || fail 'it trained first'
    [ "$(word flipped)" = failed ] || fail "state is $(cat flipped/state)"
fi

# --- a temporary file of a dead process goes at the beginning of the next life, and the run ends as it would have
(exit 0) &
dead=$!
wait "$dead"
touch "flipped/checkpoints/.step-000000099.h5.tmp-$dead"
start 0 train --resume flipped --set train.steps=700 --set checkpoint.every_steps=0
await test ! -e "flipped/checkpoints/.step-000000099.h5.tmp-$dead"
finish
[ "$code" = 0 ] || { cat background.log >&2 && fail "exit code $code"; }
grep -qE "resuming flipped at step 60, from step-000000060.h5 \\(digest [0-9a-f]{32}\\)" background.log || fail 'it does not say from what'
[ "$(digest flipped)" = "$(digest undisturbed)" ] || fail 'other bits'
