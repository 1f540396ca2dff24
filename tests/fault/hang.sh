# A rank that hangs, and one that is stopped: within parallel.timeout and a grace of seconds the run has ended, and said
# which rank, where, in what. A run that is slow but moves goes on, and so does one that was suspended for a while.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
synthetic data.h5 2000 1
patient=("${small[@]}" --set parallel.timeout=1 --set parallel.shards=3 --set checkpoint.every_steps=5 --set train.epochs=0)
short=("${patient[@]}" --set train.steps=18)
endless=("${patient[@]}" --set train.steps=100000000 --set train.evaluate_every=100000000)
host=$(uname -n)

started=()
stop_all() { # what a failed test leaves behind
    local process
    for process in "${started[@]}"; do kill -KILL "$process" 2>/dev/null || true; done
}
trap stop_all EXIT

# begin NAME COMMAND…: in the background, output in NAME.log; its process is in $pid.
begin() {
    local log=$1.log
    shift
    "$@" >"$log" 2>&1 &
    pid=$!
    started+=("$pid")
}

saved() { [ -e "$(printf '%s/checkpoints/step-%09d.h5' "$1" 5)" ] || [ -n "$(find "$1/checkpoints" -name 'step-*')" ]; }
gone() { [ ! -e "/proc/$1" ] || grep -q '^State:[[:space:]]*Z' "/proc/$1/status"; }

# ended NAME CODE REGEX: exit code 1, one message, which matches and is the run's state too.
ended() {
    local messages
    [ "$2" = 1 ] || { cat "$1.log" >&2 && fail "$1: exit code $2"; }
    messages=$(grep -v '^elbow: warning: ' "$1.log" | grep -c '^elbow: ') || true
    [ "$messages" = 1 ] || { cat "$1.log" >&2 && fail "$1: $messages messages, not one"; }
    grep '^elbow: [^w]' "$1.log"
    grep -qE -- "^elbow: $3" "$1.log" || fail "$1: its message does not match \"$3\""
    [ "$(word "$1")" = failed ] || fail "$1: state is $(cat "$1/state")"
    grep -qE -- "^$3" "$1/state" || fail "$1: state is $(cat "$1/state")"
}

# --- one is suspended, until all the rest is done; one of three ranks of another is stopped
# In its steps, not in a checkpoint, which has time.
begin suspended env ELBOW_TEST_FAULT=slow:0:0:0.1 "${alone[@]}" train "${endless[@]}" --out suspended
suspended=$pid
await saved suspended
kill -STOP "$suspended"

begin stopped "$ELBOW_MPIEXEC" -n 3 "$ELBOW" train "${endless[@]}" --out stopped
stopped=$pid
await saved stopped
mapfile -t children < <(pgrep -P "$stopped")
victim=${children[0]}
started+=("${children[@]}")
kill -STOP "$victim"

# --- meanwhile, one that hangs
code=0
ELBOW_TEST_FAULT=hang:7:1 timeout -k 5 30 "$ELBOW_MPIEXEC" -n 3 "$ELBOW" train "${short[@]}" --out hangs >hangs.log 2>&1 || code=$?
ended hangs "$code" "rank 1 on $host \(process [0-9]+\) has been in the encoder of step 7 for [1-9][0-9.]* s, asleep; ranks 0, 2 wait for it in the exchange of step 7; parallel.timeout is 1 s.*--resume hangs"

code=0
wait "$stopped" || code=$?
ended stopped "$code" "rank [012] on $host \(process $victim\) does not answer: its process is stopped, by a signal or a debugger; ranks [012][-, ]+[012] wait for it.*--resume stopped"
for child in "${children[@]}"; do await gone "$child"; done

# --- goes on where it was suspended
kill -0 "$suspended" || { cat suspended.log >&2 && fail 'the suspended run has ended'; }
newest() { find suspended/checkpoints -name 'step-*' | sort | tail -n 1; }
before=$(newest)
kill -CONT "$suspended"
await eval '[ "$(newest)" != "$before" ]'
kill -USR1 "$suspended" || { cat suspended.log suspended/state >&2 && fail "the suspended run has ended"; }
code=0
wait "$suspended" || code=$?
[ "$code" = 75 ] || { cat suspended.log >&2 && fail "suspended: exit code $code"; }

# --- resumed, slowly: it is longer on its way than the timeout and the grace, and is left alone
ELBOW_TEST_FAULT=slow:0:0:0.3 quiet resumed launch 2 train --resume hangs
[ ! -e hangs/hang ] || fail 'hangs/hang is left'
quiet undisturbed launch 1 train "${short[@]}" --out undisturbed
same undisturbed hangs
grep -qE '^stragglers: rank 0 on .* computed [0-9]+ ms a shard and step' resumed.log || { cat resumed.log >&2 && fail 'no word on the straggler'; }
grep '^stragglers' resumed.log
