# A disk that fills up: a clear message, nothing half-written, the old checkpoint as it was; and a run that only met
# it in its middle ends with the bits of one that did not.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
[ "$(id -u)" = 0 ] || skip 'a small disk (tmpfs) takes root'
mkdir disk
mount -t tmpfs -o size=100k tmpfs disk 2>/dev/null || skip 'no tmpfs can be mounted here'
trap 'umount -l disk' EXIT
synthetic data.h5 2000 1
"$ELBOW_MAKE_IDX" idx 20000 1

# What is left of a failed attempt: no temporary file.
no_temporary() {
    local left
    left=$(find disk -name '.*')
    [ -z "$left" ] || fail "left over: $left"
}
fill() { dd if=/dev/zero of=disk/filler bs=4k >dd.log 2>&1 || true; }

# --- import
resize() { mount -o "remount,size=$1" disk; }
expect_fail 1 'disk/.*(full|[Nn]o space)' launch 0 import idx --train idx-train-images --test idx-test-images -o disk/data.h5
no_temporary

# --- the first checkpoint: of about 300 kB, where 100 are free
code=0
launch 2 train "${small[@]}" --out disk/first >first.log 2>&1 || code=$?
[ "$code" = 1 ] || fail "exit code $code without a first checkpoint"
grep -E '^elbow: ' first.log
[ "$(grep -cE '^elbow: disk/first.*([Nn]o space|full)' first.log)" = 1 ] || { cat first.log >&2 && fail 'no message, or several'; }
no_temporary
[ -z "$(find disk/first -name '*.h5')" ] || fail "half-written: $(find disk/first -name '*.h5')"
rm -rf disk/first
resize 3m

# --- in the middle: a warning, and the next one that fits is written
long=("$ELBOW_SOURCE/configs/smoke.ini" --set data.file=data.h5 --set train.epochs=80 --set checkpoint.every_steps=20
    --set train.evaluate_every=100 --set parallel.shards=2)
quiet undisturbed launch 2 train "${long[@]}" --set train.pictures=no --out undisturbed
start 2 train "${long[@]}" --out disk/run
await test -e disk/run/checkpoints/step-000000040.h5
fill
await grep -q 'warning: no checkpoint of step' background.log
"$ELBOW" info disk/run >info.log || { cat info.log >&2 && fail 'no good checkpoint while the disk is full'; }
step=$(stored_step disk/run)
rm disk/filler
await eval '[ "$(stored_step disk/run)" -gt "$step" ]'
finish
[ "$code" = 0 ] || { cat background.log >&2 && fail "exit code $code"; }
grep -m 3 'warning: .*disk/run' background.log
grep 'no pictures of\|pictures are drawn' background.log || echo 'no picture was due while it was full'
[ "$(grep -c 'no pictures of' background.log)" -le $(($(grep -c 'pictures are drawn again' background.log) + 1)) ] ||
    fail 'more than one warning about pictures while they fail'
grep 'warning: no checkpoint' background.log | grep -qE '[Nn]o space|full' || fail 'the warning does not say why'
[ "$(grep -c '^elbow: [^w]' background.log)" = 0 ] || fail 'an error beside the warnings'
same undisturbed disk/run
no_temporary

# --- the last one: it fails, says so, and goes on from the one before
rm -rf disk/run
start 2 train "${long[@]}" --out disk/last
await test -e disk/last/checkpoints/step-000000040.h5
fill
finish
[ "$code" = 1 ] || { cat background.log >&2 && fail "exit code $code without a last checkpoint"; }
grep -E '^elbow: [^w]' background.log | tail -n 1
[ "$(grep -cE '^elbow: disk/last.*([Nn]o space|full)' background.log)" = 1 ] || { cat background.log >&2 && fail 'no message, or several'; }
no_temporary
"$ELBOW" info disk/last >info.log || { cat info.log >&2 && fail 'the checkpoint before is damaged'; }

# --- resumed while it is full still: told before the first step; and where there is room again, all is as if nothing had been
code=0
launch 1 train --resume disk/last >full.log 2>&1 || code=$?
[ "$code" = 1 ] || { cat full.log >&2 && fail "exit code $code on a full disk"; }
grep -E '^elbow: ' full.log
[ "$(grep -cE '^elbow: disk/last.*([Nn]o space|full)' full.log)" = 1 ] || { cat full.log >&2 && fail 'no message, or several'; }
! grep -q -- '-ELBO' full.log || fail 'it trained before it found that the disk is full'
no_temporary
rm disk/filler
free=$(df -B1 --output=avail disk | tail -n 1)
head -c $((free - 150000)) /dev/zero >disk/filler # room for what is small, and not for a checkpoint
code=0
launch 1 train --resume disk/last >nearly.log 2>&1 || code=$?
[ "$code" = 1 ] || { cat nearly.log >&2 && fail "exit code $code where there is no room for a checkpoint"; }
grep -qE '^elbow: disk/last/checkpoints: the disk is full .* were to be written' nearly.log || { cat nearly.log >&2 && fail 'no message'; }
[ "$(word disk/last)" = failed ] || fail "state is $(cat disk/last/state)"
rm disk/filler
quiet resume launch 1 train --resume disk/last
same undisturbed disk/last

# --- pictures for which there is no room
fill
expect_fail 1 'disk/samples.png.*([Nn]o space|full)' launch 0 sample disk/last -n 64 -o disk/samples.png
no_temporary
