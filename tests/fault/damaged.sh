#!/usr/bin/env bash
# Files with flipped bits, or cut short: a data file, a checkpoint, metrics. The program refuses each with one message and
# exit code 1, or finds it whole, and never dies of it. ELBOW_DAMAGED_TRIALS and ELBOW_DAMAGED_SEED make it longer.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"

trials=${ELBOW_DAMAGED_TRIALS:-5} seed=${ELBOW_DAMAGED_SEED:-1}
synthetic data.h5 1500 3
launch 0 train "${small[@]}" --set train.steps=2 --set model.encoder=4 --set model.decoder=4 --out run >train.log
cp run/checkpoints/best.h5 checkpoint.h5
cp run/metrics.h5 metrics.h5

RANDOM=$seed
# random BOUND: sets `drawn`.
random() { drawn=$(((RANDOM << 15 | RANDOM) % $1)); }

# damage FROM TO: sets `what`.
damage() {
    local size at byte
    size=$(stat -c %s "$1")
    cp "$1" "$2"
    random 4
    if [ "$drawn" = 0 ]; then
        random "$size"
        truncate -s "$drawn" "$2"
        what="$1 cut at byte $drawn"
        return
    fi
    random "$size" && at=$drawn
    random 8
    byte=$(od -An -tu1 -j "$at" -N 1 "$1")
    printf '%b' "\\x$(printf %02x $((byte ^ 1 << drawn)))" | dd of="$2" bs=1 seek="$at" conv=notrunc status=none
    what="bit $drawn of byte $at of $1"
}

# refused COMMAND...: exit code 1 and one message that names the file; never a crash.
refused() {
    local code=0
    "$@" >out 2>err || code=$?
    [ "$code" = 1 ] || fail "$what: $* ended with exit code $code: $(cat err)"
    [ "$(grep -c '^elbow: ' err)" = 1 ] || fail "$what: $*: not one message: $(cat err)"
    grep -q 'damaged' err || fail "$what: $*: does not say that it is damaged: $(cat err)"
}

for ((trial = 0; trial < trials; trial++)); do
    damage data.h5 bad.h5
    # A flip in values is found when they are read: by info of the headers it need not be.
    if "$ELBOW" info bad.h5 >out 2>err; then
        refused "${alone[@]}" evaluate checkpoint.h5 --data bad.h5 --samples 1 --no-exact
    else
        refused "$ELBOW" info bad.h5
    fi
    damage checkpoint.h5 bad.h5
    refused "$ELBOW" info bad.h5
    damage metrics.h5 bad.h5
    refused "$ELBOW" info bad.h5
done
echo "$((3 * trials)) damaged files, each refused with one message"
