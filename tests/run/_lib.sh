# What the tests of the whole program share: sourced by tests/run and tests/fault, not run. They run under
# tests/tools/run_test, in a directory of their own, with ELBOW, ELBOW_MAKE_IDX and ELBOW_METRICS_ROWS set.
# shellcheck shell=bash
set -euo pipefail

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

skip() {
    echo "skipped: $*"
    exit 77
}

# What has to be there before anything runs.
[ -x "${ELBOW:-}" ] || fail 'ELBOW is to name the program'
: "${ELBOW_SOURCE:?}" "${ELBOW_MPIEXEC:?}"

# data [FILE]: makes FILE (data.h5), the real images of the first kind that is here, and says which.
data() {
    local file=${1:-data.h5} folder from='' gz
    for folder in "${ELBOW_TEST_DATA:-/nowhere}/mnist" "${FASHION_MNIST:-/usr/share/datasets/fashion-mnist}"; do
        gz=$folder/train-images-idx3-ubyte.gz
        if [ -z "$from" ] && [ -r "$gz" ]; then
            from=$(basename "$folder")
            "$ELBOW" import idx --train "$gz" --test "$folder/t10k-images-idx3-ubyte.gz" -o "$file" >import.log
        fi
    done
    if [ -z "$from" ]; then
        from='generated bars'
        synthetic "$file" 6000 1
    fi
    echo "data: $from"
}

# synthetic FILE N SEED: a small data file of a known law.
synthetic() {
    "${ELBOW_MAKE_IDX:?}" idx "$2" "$3"
    "$ELBOW" import idx --train idx-train-images.gz --test idx-test-images.gz -o "$1" >import.log
    rm -f idx-t*
}

# A small model on a few examples: what most tests train. As arguments of `elbow train`; more --set may follow.
small=("$ELBOW_SOURCE/configs/smoke.ini" --set data.file=data.h5 --set train.pictures=no)

# Without a launcher Open MPI starts a daemon of its own, and the leak checker's tracer crashes in what that leaves
# behind: alone, a program is checked for all but leaks. Under mpirun the same code is checked for them.
alone=("$ELBOW")
if [ -n "${ELBOW_SANITIZE:-}" ]; then alone=(env ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" "$ELBOW"); fi

# launch P ARGUMENT…: elbow on P ranks, or alone where P is 0; never longer than two minutes.
launch() {
    local ranks=$1
    shift
    if [ "$ranks" = 0 ]; then
        timeout -k 5 120 "${alone[@]}" "$@"
    else
        timeout -k 5 120 "$ELBOW_MPIEXEC" -n "$ranks" "$ELBOW" "$@"
    fi
}

# quiet NAME COMMAND…: its output goes to NAME.log, and is shown where it fails.
quiet() {
    local log=$1.log code=0
    shift
    "$@" >"$log" 2>&1 || code=$?
    [ "$code" = 0 ] && return
    cat "$log" >&2
    fail "exit code $code: $*"
}

# start P ARGUMENT…: the same in the background, in $pid, so that signals reach mpirun, or the program itself;
# output in background.log.
start() {
    local ranks=$1
    shift
    if [ "$ranks" = 0 ]; then
        "${alone[@]}" "$@" >background.log 2>&1 &
    else
        "$ELBOW_MPIEXEC" -n "$ranks" "$ELBOW" "$@" >background.log 2>&1 &
    fi
    pid=$!
}

# finish: waits for what start started, a minute at the most; its exit code is in $code.
finish() {
    local i
    for ((i = 0; i < 600; i++)); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    if kill -0 "$pid" 2>/dev/null; then
        kill -KILL "$pid"
        cat background.log >&2
        fail 'it did not end within a minute'
    fi
    code=0
    wait "$pid" 2>/dev/null || code=$?
}

# await COMMAND…: until it succeeds; fails after half a minute.
await() {
    local i
    for ((i = 0; i < 1500; i++)); do
        if "$@" >/dev/null 2>&1; then return; fi
        sleep 0.02
    done
    if [ -e background.log ]; then cat background.log >&2; fi
    fail "half a minute, and not yet: $*"
}

digest() { "$ELBOW" info --digest "$1"; }
rows() { "${ELBOW_METRICS_ROWS:?}" "$1/metrics.h5"; }
word() { head -n 1 "$1/state"; }
stored_step() { "$ELBOW" info "$1" | sed -n 's/^  step  *\([0-9]*\).*/\1/p'; }

# same RUN RUN: weights, optimizer and every figure of their metrics, to the bit.
same() {
    [ "$(digest "$1")" = "$(digest "$2")" ] || fail "$1 and $2 have different digests"
    rows "$1" >rows.a
    rows "$2" >rows.b
    [ -s rows.a ] || fail "$1 has no metrics"
    cmp -s rows.a rows.b || { diff rows.a rows.b | head -n 6 >&2 && fail "$1 and $2 have different metrics"; }
}

differ() { [ "$(digest "$1")" != "$(digest "$2")" ] || fail "$1 and $2 have the same digest: $3"; }

# Every path below; MPI's own directories come and go.
everything() { find . -mindepth 1 ! -name 'expect.*' ! -path '*/ompi.*' ! -path '*/prte.*' ! -path '*/pmix*' 2>/dev/null | sort; }

# expect_fail CODE REGEX COMMAND…: that exit code, one message, which matches, and nothing new in the directory.
expect_fail() {
    local expected=$1 pattern=$2 got=0 messages before
    shift 2
    before=$(everything)
    "$@" >expect.out 2>expect.err || got=$?
    [[ $got =~ ^($expected)$ ]] || { cat expect.err >&2 && fail "exit code $got, not $expected: $*"; }
    messages=$(grep -v '^elbow: warning: ' expect.err | grep -cE '^elbow[a-z0-9 ]*: ') || true
    [ "$messages" = 1 ] || { cat expect.err >&2 && fail "$messages messages, not one: $*"; }
    grep -v '^elbow: warning: ' expect.err | grep -E '^elbow[a-z0-9 ]*: ' | grep -qE -- "$pattern" ||
        { cat expect.err >&2 && fail "its message does not match \"$pattern\": $*"; }
    if [ -n "${SHOW_MESSAGES:-}" ]; then grep -E '^elbow[a-z0-9 ]*: ' expect.err; fi
    [ "$before" = "$(everything)" ] ||
        fail "left something behind: $(comm -13 <(echo "$before") <(everything) | head -n 5 | tr '\n' ' '): $*"
}
