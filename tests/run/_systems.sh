# What the tests of whole systems share: each config of configs/ on its real data, for a moment. Sourced, not run.
# shellcheck shell=bash
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
mkdir -p runs
tried=0

# need FILE…: links to these files of the real data, here; fails, and says so, where one is not there.
need() {
    local file
    for file in "$@"; do
        if [ ! -r "${ELBOW_TEST_DATA:-/nowhere}/$file" ]; then
            echo "skipped: $file is not here"
            return 1
        fi
        ln -sf "$ELBOW_TEST_DATA/$file" .
    done
}

# again NAME OTHER: whether to run what goes through the same code as another: not where sanitizers watch, in minutes.
again() {
    if [ -z "${ELBOW_SANITIZE:-}" ]; then return 0; fi
    echo "skipped: $1 under sanitizers, where $2 goes the same ways"
    return 1
}

# imported CONFIG: runs what the config's comment says makes its data, to the word.
imported() {
    sed -n 's/^#     //p' "$ELBOW_SOURCE/configs/$1.ini" | sed '/elbow train/,$d' >import.sh
    grep -q 'elbow import' import.sh || fail "$1.ini does not say how to make its data"
    (
        # shellcheck disable=SC2317 # called by what is sourced
        elbow() { "$ELBOW" "$@"; }
        . ./import.sh
    ) >import.log 2>&1 || { cat import.log >&2 && fail "what $1.ini says makes no data"; }
}

# shortened FILE.gz LINES: puts so many lines, from all over the file, in its place here.
shortened() {
    local every
    every=$(($(gzip -dc "$1" | wc -l) / $2))
    gzip -dc "$1" | sed -n "1~${every}p" >lines
    rm "$1"
    gzip -c lines >"$1"
}

# fewer FILE.gz N: the first N of the images of an IDX file, or of the labels, in its place here.
fewer() {
    local header=16 each=784
    case $1 in *labels*) header=8 each=1 ;; esac
    gzip -dc "$1" >idx
    {
        head -c 4 idx
        printf '%08x' "$2" | sed 's/../\\x&/g' | xargs -0 printf '%b'
        tail -c +9 idx | head -c $((header - 8 + $2 * each)) || true
    } >fewer
    rm "$1"
    gzip -c fewer >"$1"
}

# system NAME CONFIG STEPS SETTING…: trains runs/NAME on one rank, and the same on two; and goes on from a checkpoint in
# the middle of the second, on one. All must be the same run, to the bit, and leave the same files to look at. What
# sanitizers watch is as good after few steps.
system() {
    local name=$1 config=$2 steps=$3 arguments=() setting run
    shift 3
    if [ -n "${ELBOW_SANITIZE:-}" ]; then steps=6; fi
    local middle=$((steps / 2 + 1))
    for setting in parallel.shards=2 "train.steps=$steps" train.epochs=0 train.log_every=2 train.evaluate_every="$steps" \
        "checkpoint.every_steps=$middle" checkpoint.every_minutes=0 checkpoint.keep=9 "$@"; do
        arguments+=(--set "$setting")
    done
    quiet "$name" launch 0 train "$ELBOW_SOURCE/configs/$config.ini" "${arguments[@]}" --out "runs/$name"
    quiet "$name" launch 2 train "$ELBOW_SOURCE/configs/$config.ini" "${arguments[@]}" --out "runs/$name-2"
    cp -r "runs/$name-2" "runs/$name-resumed"
    rm -r "runs/$name-resumed/checkpoints/best.h5" "runs/$name-resumed/pictures" \
        "$(printf 'runs/%s-resumed/checkpoints/step-%09d.h5' "$name" "$steps")"
    [ "$(stored_step "runs/$name-resumed")" = $middle ] || fail "$name: no checkpoint of step $middle"
    quiet "$name" launch 0 train --resume "runs/$name-resumed"
    for run in "$name-2" "$name-resumed"; do
        same "runs/$name" "runs/$run"
        diff -r "runs/$name/pictures" "runs/$run/pictures" >&2 || fail "$run leaves other files to look at than $name"
    done
    if rows "runs/$name" | grep -qiE ' (elbo|objective|reconstruction|kl|gradient_norm)=-?(nan|inf)'; then
        rows "runs/$name" >&2 && fail "$name: a loss is not finite"
    fi
    tried=$((tried + 1))
    echo "$name: the same on 1 rank, on 2, and resumed at step $middle of $steps: $(digest "runs/$name")"
}

figure() { sed -n "s/^$1,//p" "$2"; }

# learns NAME MARGIN: -ELBO on the test split is below what any model without latents reaches there, by so many nats.
# By one draw of z: a bound by more is lower.
learns() {
    if [ -n "${ELBOW_SANITIZE:-}" ]; then return; fi
    quiet "$1" launch 0 evaluate "runs/$1" --samples 1 --no-exact --csv "$1.csv"
    local elbo without by_position
    elbo=$(figure negative_elbo "$1.csv")
    without=$(figure without_latents "$1.csv")
    by_position=$(figure without_latents_by_position "$1.csv")
    if [ -z "$elbo" ] || [ -z "$without" ]; then fail "$1: evaluate does not say both"; fi
    awk -v n="$1" -v e="$elbo" -v w="$without" -v p="${by_position:-$without}" -v m="$2" 'BEGIN {
        least = w < p ? w : p
        printf "%s: -ELBO %.3f on the test split, without latents %.3f\n", n, e, least
        exit !(e < least - m) }' || fail "$1 has not learned: it is to be below that by $2"
}

# holds FILE PATTERN LINES: so many lines, and each matches.
holds() {
    [ "$(wc -l <"$1")" = "$3" ] || { head -n 5 "$1" >&2 && fail "$1 has $(wc -l <"$1") lines, not $3"; }
    grep -vE "^($2)\$" "$1" | head -n 3 >odd || true
    [ ! -s odd ] || { cat odd >&2 && fail "$1 has lines that are not $2"; }
}

# field NAME PATTERN: `info` says what x is.
field() { "$ELBOW" info "runs/$1/checkpoints/best.h5" | grep -qE "^  x  *$2" || fail "info does not say that x of $1 is $2"; }

# table NAME HEADER ROW: twenty samples as a table: that header, and rows that match.
table() {
    quiet "$1" launch 2 sample "runs/$1" -n 20 -o "$1-samples.csv"
    [ "$(head -n 1 "$1-samples.csv")" = "$2" ] || { head -n 1 "$1-samples.csv" >&2 && fail "$1: the header is another"; }
    tail -n +2 "$1-samples.csv" >rows.csv
    holds rows.csv "$3" 20
}

# picture NAME COMMAND…: it makes a PNG.
picture() {
    quiet "$1" launch 0 "${@:2}" -o picture.png
    [ "$(head -c 4 picture.png | od -An -tx1)" = ' 89 50 4e 47' ] || fail "$*: no picture"
    rm picture.png
}

# Without pictures built in, nothing makes any.
pictures() { ls "runs/$1/pictures"/*.png >/dev/null 2>&1; }

done_or_skipped() { if [ $tried = 0 ]; then skip 'none of the real data is here'; fi; }
