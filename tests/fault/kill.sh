# SIGKILL, of a rank or of mpirun, at any moment: what is on the disk is whole, and the resumed run has the bits
# of an undisturbed one, on another rank count.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
data
long=("${small[@]}" --set data.limit=13000 --set parallel.shards=5 --set train.epochs=8 --set train.log_every=7
    --set train.evaluate_every=130 --set checkpoint.every_steps=53 --set 'estimator.temperature=exponential 1 0.5 rate=1e-3')
quiet undisturbed launch 2 train "${long[@]}" --out undisturbed
read -r best_step < <("$ELBOW" info undisturbed | sed -n 's/^  best .* at step //p')

not_running() { ! kill -0 "$1" 2>/dev/null; }

rank_of() { pgrep -P "$pid" | tail -n 1; }

# killed RUN P WHOM STEP: WHOM is dead as soon as the checkpoint of STEP (0: the directory) is there.
killed() {
    local run=$1 ranks=$2 whom=$3 step=$4 file children child
    printf -v file '%s/checkpoints/step-%09d.h5' "$run" "$step"
    start "$ranks" train "${long[@]}" --out "$run" --continue
    await test -e "$file"
    children=$(pgrep -P "$pid" || true)
    case $whom in
    rank) kill -KILL "$(rank_of)" ;;
    mpirun) kill -KILL "$pid" ;;
    esac
    finish
    [ "$code" != 0 ] || fail "$run: exit code 0 after SIGKILL"
    for child in $children; do # ranks without their mpirun need a moment to notice, and write until they do
        await not_running "$child"
    done
    [ "$(word "$run")" = running ] || fail "$run: state is $(cat "$run/state")"
    "$ELBOW" info "$run" "$run/metrics.h5" "$run"/checkpoints/*.h5 >info.log || fail "$run: a file is damaged"
    echo "$run: killed at step $(stored_step "$run") or later"
}

# resumed RUN P: to the end; nothing of the dead process is left.
resumed() {
    quiet resumed launch "$2" train "${long[@]}" --out "$1" --continue
    same undisturbed "$1"
    cmp -s "$1/checkpoints/best.h5" "$1/checkpoints/$(printf 'step-%09d.h5' "$best_step")" 2>/dev/null ||
        [ "$(digest "$1/checkpoints/best.h5")" = "$(digest undisturbed/checkpoints/best.h5)" ] ||
        fail "$1: best.h5 is not the best"
    [ -z "$(find "$1" -name '.*tmp*')" ] || fail "$1: left over: $(find "$1" -name '.*tmp*')"
}

killed rank 3 rank 53
resumed rank 2
killed mpirun 2 mpirun 106
resumed mpirun 4
killed early 2 rank 0
resumed early 1

# Again and again, at no particular moment.
for moment in 0.3 0.7 0.9 1.3; do
    start 2 train "${long[@]}" --out often --continue
    sleep "$moment"
    children=$(pgrep -P "$pid" || true)
    kill -KILL "$pid" 2>/dev/null || true
    finish
    for child in $children; do await not_running "$child"; done
    if [ -e often/metrics.h5 ]; then "$ELBOW" info often/metrics.h5 >info.log || fail 'metrics.h5 is damaged'; fi
done
resumed often 3
