# The kill storm: training on real data, disturbed again and again at random moments, and resumed on random rank counts,
# until it is complete; then it must have the bits and the metrics of a run that nobody disturbed.
#
#     ELBOW=build/elbow tests/tools/run_test bash tests/fault/storm.sh [--count N] [--seed N] [--verbose]
#
# N disturbances (20), over as many runs as are completed meanwhile, the last of them to its end. Choices come from the
# seed (1); what a kill meets at its moment does not. Of each kind there is a function below.
# shellcheck shell=bash source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"

count=20 seed=1 verbose=no
while [ $# -gt 0 ]; do
    case $1 in
    --count) count=${2:?} && shift ;;
    --seed) seed=${2:?} && shift ;;
    --verbose) verbose=yes ;;
    *) fail "unknown argument $1; the head of this file says what there is" ;;
    esac
    shift
done
RANDOM=$seed
# random N: the variable `drawn` is one of 0 … N − 1. (No subshell: that would draw the same ones again.)
random() { drawn=$(((RANDOM << 15 | RANDOM) % $1)); }

disk=disk small_disk=no
mkdir $disk
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=12m tmpfs $disk 2>/dev/null; then
    small_disk=yes
    trap 'umount -l disk' EXIT
fi
data data.h5
steps=400 shards=4
settings=("${small[@]}" --set data.limit=3000 --set "parallel.shards=$shards" --set train.epochs=0 --set "train.steps=$steps"
    --set train.log_every=7 --set train.evaluate_every=100 --set checkpoint.every_steps=8 --set checkpoint.keep=3
    --set 'estimator.temperature=exponential 1 0.5 rate=1e-3')

# --------------------------------------------------------------------------------------------------- a life

# begin: the run goes on, or starts, on 1 to 4 ranks, a few dozen steps a second.
begin() {
    random $shards
    ranks=$((drawn + 1))
    random 2
    local replica=node && [ "$drawn" = 1 ] && replica=rank
    random 4
    local behind=yes && [ "$drawn" = 0 ] && behind=no
    export ELBOW_TEST_FAULT=slow:0:0:0.008
    state=$(state_now)
    start $ranks train "${settings[@]}" --set run.seed=$round --set parallel.replica=$replica \
        --set checkpoint.background=$behind --out "$run" --continue
    lives=$((lives + 1))
}

running() { kill -0 "$pid" 2>/dev/null; }
pause() { sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"; }

state_now() { stat -c '%i %z' "$run/state" 2>/dev/null || true; }

# A moment of a short life: one in five before it trains, the others after.
somewhere() {
    local i
    random 5
    if [ "$drawn" = 0 ]; then
        random 700
        pause "$drawn"
        return
    fi
    for ((i = 0; i < 1500; i++)); do
        if [ "$(state_now)" != "$state" ] || ! running; then break; fi
        sleep 0.02
    done
    random 1000
    pause "$drawn"
}

checkpoints() { find "$run/checkpoints" -name 'step-*.h5' 2>/dev/null | sort; }
newest() { checkpoints | tail -n 1; }
good_checkpoints() {
    local file good=0
    for file in $(checkpoints); do
        if [ -f "$file" ] && "$ELBOW" info --digest "$file" >/dev/null 2>&1; then good=$((good + 1)); fi
    done
    echo $good
}
temporary() { [ -n "$(find "$run/checkpoints" -name '.step-*' -size +0 2>/dev/null)" ]; }

# Whether the launcher has children; zombies are none.
children_left() { ps -o stat= --ppid "$pid" | grep -qv '^Z'; }

# over: what was killed is gone, with its children, some of which notice late. Open MPI 4's mpirun now and then waits for
# itself when a rank is killed (in futex(2), its ranks gone): then it is killed too, and counted.
over() {
    local child i idle=0
    for ((i = 0; i < 1200 && idle < 100; i++)); do
        running || break
        if children_left; then idle=0; else idle=$((idle + 1)); fi
        sleep 0.1
    done
    if running && [ $idle -ge 100 ]; then
        stuck_launchers=$((stuck_launchers + 1))
        kill -KILL "$pid"
    elif running; then
        cat background.log >&2
        fail "two minutes after $kind on $ranks ranks it is still there"
    fi
    wait "$pid" 2>/dev/null || true # the shell would tell of each kill
    for child in $children; do
        await eval "! kill -0 $child 2>/dev/null"
    done
}

kill_rank() {
    local -a all
    children=$(pgrep -P "$pid" || true)
    mapfile -t all <<<"$children"
    random ${#all[@]}
    if [ -n "${all[$drawn]}" ]; then kill -KILL "${all[$drawn]}" 2>/dev/null || true; fi
    over
}
kill_launcher() {
    children=$(pgrep -P "$pid" || true)
    kill -KILL "$pid" 2>/dev/null || true
    over
}
kill_one() {
    random 2
    if [ "$drawn" = 0 ]; then kill_rank; else kill_launcher; fi
}

# -------------------------------------------------------------------------------------------- disturbances

rank_killed() {
    begin && somewhere && kill_rank
}
launcher_killed() {
    begin && somewhere && kill_launcher
}
# Inside the writing of a checkpoint, which lasts a third of a second then.
killed_while_writing() {
    local i
    export ELBOW_TEST_WRITE_SECONDS=0.3
    begin
    unset ELBOW_TEST_WRITE_SECONDS
    for ((i = 0; i < 1500; i++)); do
        if temporary || ! running; then break; fi
        sleep 0.02
    done
    temporary && inside_writing=$((inside_writing + 1))
    random 250
    pause $((10 + drawn))
    kill_one
}
warned() {
    random 3
    local -a signals=(USR1 TERM INT)
    local signal=${signals[$drawn]}
    begin && somewhere
    children=$(pgrep -P "$pid" || true)
    kill "-$signal" "$pid" 2>/dev/null || true
    over
}
asked_by_file() {
    begin && somewhere
    children=$(pgrep -P "$pid" || true)
    if [ -d "$run" ]; then touch "$run/stop"; fi
    over
}
# Damage only where it is not the last good one: from that nobody comes back.
damaged() {
    local file size
    begin && somewhere && kill_one
    file=$(newest)
    if [ -z "$file" ] || [ "$(good_checkpoints)" -lt 2 ]; then return; fi
    size=$(stat -c %s "$file")
    random "$size"
    "$1" "$file" "$drawn"
    harmed=$((harmed + 1))
}
cut_short() { truncate -s "$2" "$1"; }
flip() {
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1")
    random 8
    printf '%b' "\\x$(printf '%02x' $((byte ^ (1 << drawn))))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
truncated() { damaged cut_short; }
bit_flipped() { damaged flip; }
# A disk without room while it trains, and with room again for the next life.
disk_filled() {
    if [ $small_disk = no ]; then
        file_size_limited
        return
    fi
    begin && somewhere
    dd if=/dev/zero of=$disk/filler bs=16k >dd.log 2>&1 || true
    somewhere
    kill_one
    rm -f $disk/filler
}
# RLIMIT_FSIZE: every checkpoint of this life fails.
file_size_limited() {
    local limit
    limit=$(ulimit -S -f)
    ulimit -S -f 60
    begin
    ulimit -S -f "$limit"
    somewhere
    kill_one
}
kinds=(rank_killed rank_killed launcher_killed killed_while_writing killed_while_writing warned asked_by_file truncated
    bit_flipped disk_filled file_size_limited)

# -------------------------------------------------------------------------------------------------- a run

# "" where there is none yet.
step_of() { "$ELBOW" info "$run" 2>/dev/null | sed -n 's/^  step  *\([0-9]*\).*/\1/p' || true; }

# Not where its last checkpoint was damaged after its end.
complete() { [ -e "$run/state" ] && [ "$(word "$run")" = finished ] && [ "$(step_of)" = $steps ]; }

disturb() {
    local before after had
    random ${#kinds[@]}
    kind=${kinds[$drawn]}
    before=$(step_of) had=$(good_checkpoints)
    children=''
    $kind
    after=$(step_of)
    disturbances=$((disturbances + 1))
    tally[$kind]=$((${tally[$kind]:-0} + 1))
    if [ "$had" -gt 0 ] && [ -z "$after" ]; then
        cat background.log >&2
        fail "round $round: after $kind there is no good checkpoint, and there was one of step $before"
    fi
    if [ $verbose = yes ]; then echo "  $disturbances $kind on $ranks: step ${before:-0} → ${after:-0}, at $SECONDS s"; fi
}

# The last life of a run; complete where an earlier one has ended it.
end_run() {
    if ! complete; then
        random $shards
        quiet ending launch $((drawn + 1)) train "${settings[@]}" --set run.seed=$round --out "$run" --continue
    fi
    same undisturbed "$run"
    [ "$(digest "$run/checkpoints/best.h5")" = "$(digest undisturbed/checkpoints/best.h5)" ] ||
        fail "round $round: best.h5 is another"
    [ -z "$(find "$run" -name '.*tmp*')" ] || fail "round $round: left over: $(find "$run" -name '.*tmp*')"
    rm -rf "$run" undisturbed
}

declare -A tally=()
disturbances=0 lives=0 harmed=0 stuck_launchers=0 inside_writing=0 round=0
while [ $disturbances -lt "$count" ]; do
    round=$((round + 1)) run=$disk/run
    unset ELBOW_TEST_FAULT
    quiet undisturbed launch 2 train "${settings[@]}" --set run.seed=$round --out undisturbed
    while [ $disturbances -lt "$count" ] && ! complete; do disturb; done
    unset ELBOW_TEST_FAULT
    end_run
    echo "run $round: complete after $disturbances disturbances, $lives lives; the same bits and metrics"
done
echo "seed $seed: $disturbances disturbances in $round runs of $steps steps on 1 to $shards ranks, $SECONDS s:"
for kind in "${!tally[@]}"; do echo "    ${tally[$kind]} $kind"; done | sort -rn
echo "    ($inside_writing kills met a checkpoint half-written, $harmed checkpoints were damaged, $stuck_launchers launchers stuck)"
