# A rank dies, or mpirun, or whatever else started a rank: within seconds no process of the run is left. A program that
# was started by hand is nobody's orphan.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
synthetic data.h5 600 1
endless=("${small[@]}" --set train.epochs=0 --set train.steps=100000000 --set train.evaluate_every=100000000
    --set checkpoint.every_steps=100 --set parallel.shards=3)

started=()
stop_all() { # what a failed test leaves behind
    local process
    for process in "${started[@]}"; do kill -KILL "$process" 2>/dev/null || true; done
}
trap stop_all EXIT

gone() { [ ! -e "/proc/$1" ] || grep -q '^State:[[:space:]]*Z' "/proc/$1/status"; }

# all_gone SECONDS PROCESS…: in no more than that.
all_gone() {
    local began=${EPOCHREALTIME%.*} seconds=$1 process
    shift
    for process in "$@"; do await gone "$process"; done
    [ $((${EPOCHREALTIME%.*} - began)) -le "$seconds" ] || fail "they were there for more than $seconds s"
}

# dies RUN WHOM: of three ranks one, or their mpirun.
dies() {
    local children victim
    start 3 train "${endless[@]}" --out "$1"
    await test -e "$1/checkpoints/step-000000100.h5"
    mapfile -t children < <(pgrep -P "$pid")
    started+=("$pid" "${children[@]}")
    [ "${#children[@]}" = 3 ] || fail "${#children[@]} ranks, not 3"
    victim=${children[1]}
    if [ "$2" = mpirun ]; then victim=$pid; fi
    kill -KILL "$victim"
    all_gone 10 "${children[@]}"
    finish
    [ "$code" != 0 ] || fail "$1: exit code 0"
    "$ELBOW" info "$1" >info.log || fail "$1: no good checkpoint"
    echo "$2 killed: all gone"
}
dies one rank
dies all mpirun

# begin NAME: a run below a shell of its own, in $shell; the run is $child.
begin() {
    local name=$1
    shift
    # shellcheck disable=SC2016 # expanded by the inner shell
    "$@" bash -c '"$@" & wait' bash "${alone[@]}" train "${endless[@]}" --out "$name" >"$name.log" 2>&1 &
    shell=$!
    started+=("$shell")
    await test -e "$name/checkpoints/step-000000100.h5"
    child=$(pgrep -P "$shell")
    started+=("$child")
}

# A launcher's environment that no MPI here looks at.
begin launched env MPI_LOCALRANKID=0
launched=$child parent=$shell
begin by_hand env
kill -KILL "$shell" "$parent"
all_gone 5 "$launched"
grep "^elbow: rank 0 .*what started it (process $parent) has ended, and so it ends too" launched.log || { cat launched.log >&2 && fail 'it does not say why it ended'; }
newest() { find by_hand/checkpoints -name 'step-*' | sort | tail -n 1; }
for _ in 1 2 3; do # longer than the watchdog looks away
    before=$(newest)
    await eval '[ "$(newest)" != "$before" ]'
    sleep 0.5
done
gone "$child" && fail 'a program started by hand ended with its shell'
kill -USR1 "$child"
await eval '[ "$(word by_hand)" = stopped ]'
