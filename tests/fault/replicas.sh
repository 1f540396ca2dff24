# A bit that flips in one replica: the ranks find it before anything of it is saved, say where, and end; the run goes on
# from before it.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
synthetic data.h5 2000 1
run=("${small[@]}" --set parallel.shards=4 --set train.steps=40 --set train.evaluate_every=40)
checkpoints() { (cd "$1/checkpoints" && echo *); }

# caught RUN P FAULT REGEX OPTION…: exit code 1, one message, state `failed`.
caught() {
    local name=$1 ranks=$2 fault=$3 pattern=$4 code=0
    shift 4
    ELBOW_TEST_FAULT=$fault launch "$ranks" train "${run[@]}" "$@" --out "$name" >"$name.log" 2>&1 || code=$?
    [ "$code" = 1 ] || { cat "$name.log" >&2 && fail "$name: exit code $code"; }
    [ "$(grep -v '^elbow: warning' "$name.log" | grep -c '^elbow: ')" = 1 ] || { cat "$name.log" >&2 && fail "$name: no message, or several"; }
    grep '^elbow: after' "$name.log"
    grep '^elbow: after' "$name.log" | grep -qE -- "$pattern" || fail "$name: the message does not match \"$pattern\""
    [ "$(word "$name")" = failed ] || fail "$name: state is $(cat "$name/state")"
}

# --- by check_every: of three, the majority is right
caught three 3 flip:9:1:12000 'after step 10: .*of rank 1 on .*\(2 of 3 agree\), first in decoder.0.weight' \
    --set parallel.replica=rank --set parallel.check_every=10
[ "$(checkpoints three)" = step-000000000.h5 ] || fail "saved: $(checkpoints three)"

# --- before a checkpoint: two groups, and nobody can tell which
caught two 2 flip:19:1:0 'after step 20: .*of rank 0 on .* and of rank 1 on .* differ, first in encoder.0.weight.*--resume two' \
    --set parallel.node_ranks=1 --set parallel.check_every=0
[ "$(checkpoints two)" = step-000000000.h5 ] || fail "saved: $(checkpoints two)"
quiet undisturbed launch 2 train "${run[@]}" --set parallel.replica=rank --set parallel.check_every=1 --out undisturbed
quiet resume launch 2 train --resume two
same undisturbed two

# --- MPI's sums: parameters and moments are each rank's own
caught mpi 2 flip:9:1:12000 'after step 10: .*first in decoder.0.weight.*MPI_Iallreduce' --set parallel.allreduce=mpi --set parallel.check_every=10
