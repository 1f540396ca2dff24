# elbow bench: figures that are there, that are numbers above 0, and that leave nothing behind.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
export TMPDIR=$PWD
config=$ELBOW_SOURCE/configs/smoke.ini
small=(--set train.batch=64 --set model.encoder=32 --set model.decoder=32)

# positive FILE COLUMN…: rows of equal length, and in each column nothing but numbers above 0.
positive() {
    local file=$1
    shift
    awk -F, -v wanted="$*" '
        NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; n = split(wanted, names, " "); width = NF; next }
        NF != width { print "row " NR " has " NF " cells, not " width; bad = 1 }
        { for (i = 1; i <= n; i++) if (!(names[i] in at) || !($at[names[i]] > 0)) { print names[i] " in row " NR ": " $0; bad = 1 } }
        END { if (NR < 2) { print "no rows"; bad = 1 } exit bad }' "$file" || fail "$file"
}

for ranks in 0 2; do
    quiet step launch $ranks bench step "$config" --synthetic "${small[@]}" --seconds 0.05 --products --csv step.csv
    grep -qE '^step [0-9.]+ ms = [0-9.]+ × the floor' step.log || { cat step.log >&2 && fail 'no figure for the step'; }
    grep -qE 'estimator +A  B'\'' +64 × 32 × |estimator +A  B'\'' +32 × 32 × ' step.log || { cat step.log >&2 && fail "not the model's products"; }
    positive step.csv seconds low high rank_least rank_most peak_flops peak_bandwidth shards ranks
    [ "$(cut -d, -f1 step.csv | tr '\n' ' ')" = 'part data encoder estimator exchange update rest step ' ] || fail "rows: $(cut -d, -f1 step.csv)"
    awk -F, '$1 ~ /step|encoder|estimator/ && !($7 > 0 && $9 > 0) { exit 1 }' step.csv || fail 'no floor'
done

quiet data launch 2 bench data --synthetic --seconds 0.02 --csv data.csv
positive data.csv batch seconds low high rank_least rank_most batches_per_second bytes bytes_per_second
[ "$(cut -d, -f1 data.csv | sort -u | tr '\n' ' ')" = 'binarize dynamic none threshold ' ] || fail 'not every way of data.binarize'
quiet streamed launch 2 bench data --synthetic --seconds 0.02 --set data.shuffle=window --set data.memory=stream
expect_fail 2 'data.memory = stream' "$ELBOW" bench data --synthetic --seconds 0.02 --set data.shuffle=full \
    --set data.memory=stream

quiet exchange launch 2 bench exchange --sizes 0.02,1,7000 --shards 2 --seconds 0.05 --csv exchange.csv
positive exchange.csv bytes seconds low high least rank_least rank_most ratio memory
[ "$(grep -c '^ordered' exchange.csv)" -ge 4 ] || fail 'ordered exchanges are missing'
grep -q '^MPI_Allreduce,1e+06' exchange.csv || fail 'no plain MPI_Allreduce'

quiet checkpoint launch 0 bench checkpoint "$config" --synthetic "${small[@]}" --seconds 0.05 --csv checkpoint.csv
positive checkpoint.csv seconds low high bytes parameters repeats
grep -qE '^a checkpoint stops the loop for' checkpoint.log || fail 'no figure for the checkpoint'

# Ctrl-C: what was measured is told, the rest is left out, and nothing stays; while the images are written, too.
for what in data "step $config"; do
    # shellcheck disable=SC2086 # two words
    start 0 bench $what --synthetic --seconds 60 --set train.batch=60000 --set model.encoder=32 --set model.decoder=32
    for ((i = 0; i < 200; i++)); do
        [ -z "$(find . -name 'elbow-bench*')" ] || break
        sleep 0.02
    done
    kill -INT "$pid"
    finish
    [ "$code" = 75 ] || [ "$code" = 0 ] || { cat background.log >&2 && fail "exit code $code after SIGINT: $what"; }
    [ -z "$(find . -name 'elbow-bench*')" ] || fail "left behind after SIGINT: $(find . -name 'elbow-bench*')"
done
start 0 bench data --synthetic --seconds 12
for ((i = 0; i < 200; i++)); do
    ! grep -q batches/s background.log || break
    sleep 0.02
done
kill -INT "$pid"
finish
[ "$code" = 0 ] || { cat background.log >&2 && fail "exit code $code after SIGINT"; }
grep -q '^ended early: SIGINT' background.log || { cat background.log >&2 && fail 'SIGINT did not end it early'; }

# shellcheck disable=SC2016 # backquotes of the message
expect_fail 2 'did you mean `step`' "${alone[@]}" bench stp
expect_fail 2 'say what' "${alone[@]}" bench
expect_fail 2 'give one CONFIG' "${alone[@]}" bench step
expect_fail 2 'seconds' "${alone[@]}" bench step "$config" --seconds never
expect_fail 2 'sizes' "${alone[@]}" bench exchange --sizes 1,many
expect_fail 2 'no CONFIG' "${alone[@]}" bench exchange "$config"
expect_fail 1 'choose another --out' "${alone[@]}" bench checkpoint "$config" --synthetic --out nowhere
expect_fail 2 'likelihood' "${alone[@]}" bench step "$config" --synthetic --set model.likelihood=gru
expect_fail 2 'smaller train.batch' "${alone[@]}" bench data --synthetic --set train.batch=1000000000
expect_fail 1 'synthetic' "${alone[@]}" bench step "$config" --set data.file=nowhere.h5
for what in step exchange data checkpoint; do
    "$ELBOW" bench "$what" --help | grep -q '^examples:' || fail "$what --help has no example"
done
[ -z "$(find . -name 'elbow-bench*')" ] || fail "left behind: $(find . -name 'elbow-bench*')"
