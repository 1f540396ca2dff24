# Training data larger than what a rank may hold: the same bits as in memory, in a fraction of the memory.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"

# 268 MB of examples, windows of 2 MB.
"${ELBOW_MAKE_LARGE:?}" data.h5 65536
arguments=("${small[@]}" --set data.limit=0 --set data.shuffle=window --set data.window=2 --set parallel.shards=2
    --set train.epochs=0 --set 'estimator.temperature=linear 1.0 0.5 steps=12')

# peak NAME ARGUMENT…: trains alone; the most memory it had, in MB, is in $most.
peak() {
    local now
    most=0
    start 0 train "${arguments[@]}" --out "$@"
    while kill -0 "$pid" 2>/dev/null; do
        now=$(sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$pid/status" 2>/dev/null) || true
        if [ -n "$now" ]; then most=$((now / 1000)); fi
        sleep 0.02
    done
    finish
    [ "$code" = 0 ] || { cat background.log >&2 && fail "exit code $code"; }
}

peak all --set data.memory=all --set train.steps=12
all=$most
peak stream --set data.memory=stream --set train.steps=12
echo "peak: $all MB with everything in memory, $most MB streamed"
grep -q streamed background.log || fail 'the start table does not say that data are streamed'
same all stream
if [ -z "${ELBOW_SANITIZE:-}" ] && [ -r /proc/self/status ]; then
    [ "$all" -gt 268 ] || fail "all in memory, and its peak is $all MB: nothing was measured"
    [ "$most" -lt $((all - 220)) ] || fail "$most MB streamed, $all MB in memory"
fi

# Stopped in the middle of an epoch, and resumed on two ranks.
quiet half launch 1 train "${arguments[@]}" --set data.memory=stream --set train.steps=7 --out ranks
quiet other launch 2 train --resume ranks --set train.steps=12
[ "$(digest ranks)" = "$(digest all)" ] || fail 'resumed on two ranks, other weights'

expect_fail 2 'data.memory = stream.*data.shuffle = window' "$ELBOW" train "${arguments[@]}" --out wrong \
    --set data.shuffle=full --set data.memory=stream --set train.steps=12
