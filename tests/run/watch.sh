# elbow watch: what it shows of finished, running, unborn and damaged runs is what their files say; it gives the
# terminal back; scripts/plot-run draws the same.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
export LC_ALL=C.UTF-8
unset COLUMNS LINES

synthetic data.h5 600 1
quiet a launch 0 train "${small[@]}" --set train.epochs=6 --set train.log_every=2 --out a

# frame ARGUMENT…: one frame in frame.txt, without a terminal anywhere.
frame() { "$ELBOW" watch "$@" </dev/null >frame.txt 2>frame.err || { cat frame.err >&2 && fail "watch $* failed"; }; }
shows() { grep -qF -- "$1" frame.txt || { cat frame.txt >&2 && fail "no \"$1\" in the frame"; }; }
# close A B: figures that differ by less than what rounding to two digits does.
close() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a != "" && b != "" && (a - b) ^ 2 < 0.0102 ^ 2) }'; }

# A finished run: the figures are those of info.
frame a --width 120 --height 40
"$ELBOW" info a >info.txt
steps=$(stored_step a)
shows "a  finished"
shows "step $steps of $steps"
shows '100.0 %'
if grep -q ' left' frame.txt; then fail 'a finished run has time left'; fi
best=$(sed -n 's/^  best .*-elbo \([0-9.]*\) nats at step .*/\1/p' info.txt)
best_step=$(sed -n 's/^  best .* at step \([0-9]*\)$/\1/p' info.txt)
shows "best.h5: step $best_step, test "
close "$best" "$(sed -n 's/.*best.h5: step [0-9,]*, test \([0-9.]*\).*/\1/p' frame.txt)" || fail "best is not $best"
train=$(sed -n 's/^  training .*-elbo \([0-9.]*\),.*/\1/p' info.txt)
close "$train" "$(sed -n 's/.*-ELBO .* train \([0-9.]*\).*/\1/p' frame.txt)" || fail "-ELBO of training is not $train"
kl=$(sed -n 's/^  evaluation .*kl \([0-9.]*\).*/\1/p' info.txt)
close "$kl" "$(sed -n 's/.* KL .* test \([0-9.]*\).*/\1/p' frame.txt)" || fail "KL is not $kl"
shows '⠤'
if LC_ALL=C "$ELBOW" watch a | grep -P '[^ -~]'; then fail 'not plain ASCII under LC_ALL=C'; fi
if grep -q $'\033' frame.txt; then fail 'escapes in plain text'; fi

# Whatever the size: nothing is wider. In ASCII, since awk may count bytes.
for size in '16 3' '24 9' '40 12' '63 19' '200 60'; do
    LC_ALL=C frame a --width "${size% *}" --height "${size#* }"
    awk -v most="${size% *}" 'length($0) > most { exit 1 }' frame.txt || fail "wider than $size"
    [ "$(wc -l <frame.txt)" -le "${size#* }" ] || fail "higher than $size"
    [ "$(head -c 1 frame.txt)" = a ] || fail "no name at $size"
done

# A running one, at once and before its first figures; then one that has died.
start 0 train "${small[@]}" --set train.epochs=100000 --set train.log_every=2 --out b
await test -s b/state
frame b
shows 'b  running  from step 0'
sees() { frame "$1" && grep -qF -- "$2" frame.txt; }
await sees b 'left'
shows 'b  running'
if grep -q 'no news' frame.txt; then fail 'takes a live run for a dead one'; fi
"$ELBOW" watch a b --width 120 >frame.txt
grep -qE '^a +finished +.*100 % ' frame.txt || { cat frame.txt >&2 && fail 'no line of a'; }
grep -qE '^b +running +.*[0-9] %' frame.txt || { cat frame.txt >&2 && fail 'no line of b'; }
kill -KILL "$pid"
wait "$pid" 2>/dev/null || true
find b -exec touch -d '2 hours ago' {} +
frame b
shows 'b  running?'
shows 'no news for 2 h 0 min'

# Metrics that are missing, cut short, of another kind: the rest is shown; one message.
mv b/metrics.h5 metrics.h5
frame b
shows 'nothing yet'
head -c 2000 metrics.h5 >b/metrics.h5
expect_fail 1 'b/metrics.h5: .*damaged or cut short' "$ELBOW" watch b
grep -q 'nothing to show' expect.out || fail 'no frame beside the message'
cp data.h5 b/metrics.h5
expect_fail 1 'b/metrics.h5: a data file, not a metrics file' "$ELBOW" watch b

expect_fail 1 'nowhere: no such file' "$ELBOW" watch nowhere
mkdir plain
expect_fail '1|2' 'plain: a directory, but not of a run' "$ELBOW" watch plain nowhere
# One that is no run among others: a line of its own, and theirs.
frame a plain nowhere --width 100
shows '  not a run'
grep -qE '^a +finished ' frame.txt || { cat frame.txt >&2 && fail 'no line of a'; }
grep -qE '^nowhere +not a run +no such file' frame.txt || { cat frame.txt >&2 && fail 'no line of nowhere'; }
expect_fail 2 'data.h5 is a data file; give the directory of a run' "$ELBOW" watch data.h5
expect_fail 2 'give the directory of a RUN' "$ELBOW" watch
expect_fail 2 'every: .0. is out of range' "$ELBOW" watch a --every 0

# Stopped before the first row: the state file knows the step. Two ranks: the slowest beside the others.
start 0 train "${small[@]}" --set train.epochs=100000 --set train.evaluate_every=0 --set train.log_every=1000000 --out d
await test -s d/metrics.h5
kill -TERM "$pid"
wait "$pid" || [ $? = 75 ] || fail 'not stopped'
shows_step() { shows "step $(sed -n 's/.* at step \([0-9]*\) of .*/\1/p' d/state | sed -E ':a; s/([0-9])([0-9]{3})($|,)/\1,\2\3/; ta') of "; }
frame d
shows 'd  stopped'
shows_step
quiet two launch 2 train "${small[@]}" --set train.epochs=1 --set train.log_every=2 --out two
frame two --width 110
grep -qE '^ranks .*(% longer than|times as long as) the others$' frame.txt || { cat frame.txt >&2 && fail 'no ranks'; }

# On a terminal: the other screen, a frame, and back, cursor and all, by a key and by a signal.
live() {
    command -v script >/dev/null || { echo 'not tested on a terminal: no script(1)' && return; }
    local enter=$'\033[?1049h\033[?25l' leave=$'\033[?25h\033[?1049l' text typist
    rm -f keys live.txt watcher
    mkfifo keys
    TERM=xterm NO_COLOR='' SHELL=/bin/sh timeout 30 script -qec \
        "stty cols 90 rows 30; echo \$\$ >watcher; exec $ELBOW watch a --every 0.2" /dev/null <keys >live.txt &
    typist=$!
    exec 3>keys
    await grep -qF "step $steps of $steps" live.txt
    if [ "$1" = q ]; then printf q >&3; else kill "-$1" "$(<watcher)"; fi
    wait "$typist" || fail "exit code $? after $1"
    exec 3>&-
    text=$(<live.txt)
    [[ $text == *"$enter"*"step $steps of $steps"*"$leave"* ]] || { cat -v live.txt >&2 && fail "live: $1"; }
    [[ $text == *$'\033[0;32m'* ]] || fail 'no colour'
}
live q
live INT
live TERM
[ "$(TERM=dumb "$ELBOW" watch a | head -c 1)" = a ] || fail 'TERM=dumb'

# The same as a picture.
plot=("${PYTHON:-python3}" "$ELBOW_SOURCE/scripts/plot-run")
if ! "${PYTHON:-python3}" -c 'import h5py, matplotlib' 2>/dev/null; then
    echo 'scripts/plot-run is not tested: no h5py or no matplotlib'
    exit 0
fi
cp -r a c
quiet plot "${plot[@]}" a c -o a.png --smooth 3 --x epoch
[ "$(head -c 4 a.png | tail -c 3)" = PNG ] || fail 'not a PNG'
[ "$(wc -c <a.png)" -gt 30000 ] || fail 'an empty PNG'
plot_fails() {
    local pattern=$1
    shift
    if "${plot[@]}" "$@" >plot.out 2>&1; then fail "plot-run $* did not fail"; fi
    grep -q -- "$pattern" plot.out || { cat plot.out >&2 && fail "plot-run $*"; }
    if grep -q Traceback plot.out; then cat plot.out >&2 && fail "plot-run $*"; fi
}
plot_fails 'not a metrics file' b -o b.png
plot_fails 'no metrics.h5 in it' plain -o b.png
[ ! -e b.png ] || fail 'left a picture behind'
