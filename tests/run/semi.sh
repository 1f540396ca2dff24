# Labels that a few examples tell: the same bits on any ranks, stopped or not; accuracy; and what is refused.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
"${ELBOW_MAKE_IDX:?}" idx 2000 1
"$ELBOW" import idx --train idx-train-images.gz --train-labels idx-train-labels.gz --test idx-test-images.gz \
    --test-labels idx-test-labels.gz -o data.h5 >import.log
"$ELBOW" import idx --train idx-train-images.gz --test idx-test-images.gz -o bare.h5 >import.log
classes=$("$ELBOW" info data.h5 | sed -n 's/.*labels.* \([0-9][0-9]*\) classes.*/\1/p' | head -n 1)
: "${classes:?}"
semi=("${small[@]}" --set data.labels=$((4 * classes)) --set "model.latent=categorical 1x$classes, gaussian 4"
    --set objective.classify=5 --set parallel.shards=3 --set train.labelled=20 --set data.binarize=dynamic
    --set estimator.temperature=0.7 --set train.evaluate_every=10)

quiet one launch 0 train "${semi[@]}" --out one
quiet two launch 2 train "${semi[@]}" --out two
same one two
quiet stopped launch 2 train "${semi[@]}" --set train.steps=30 --out stopped
quiet resumed launch 3 train --resume stopped --set train.steps=0
same one stopped
quiet sum launch 0 train "${semi[@]}" --set estimator.name=marginal --out sum
quiet sum2 launch 3 train "${semi[@]}" --set estimator.name=marginal --out sum2
same sum sum2
differ one sum 'the estimator is another'
rows one | grep '^evaluation .* accuracy=0x' >/dev/null || fail 'no accuracy in the metrics'
"$ELBOW" info one | grep -q 'evaluation .*accuracy [0-9.]' || fail 'info says nothing of accuracy'
# Leaves of two kinds of examples tell of no noise scale.
if rows one | grep -q 'noise_scale=0x'; then fail 'a noise scale with labels'; fi
if grep -q 'noise scale [0-9a]' one.log; then fail 'it says a noise scale'; fi

# The share of right labels that evaluate prints is that of the run's end, and that of what encode writes.
quiet evaluate launch 0 evaluate one --samples 2 --csv figures.csv
grep -q '% *of the labels' evaluate.log || fail 'evaluate says nothing of labels'
accuracy=$(sed -n 's/^accuracy,//p' figures.csv)
grep -q "labels $(awk -v a="$accuracy" 'BEGIN { printf "%.2f", 100 * a }') %" one.log || fail "evaluate says $accuracy, the run's end another"
# Twenty in a hundred would be chance at five classes and less at more: it learns.
awk -v a="$accuracy" -v k="$classes" 'BEGIN { exit !(a > 1.5 / k) }' || fail "$accuracy of the labels are right"
# A row that is not finite is named as /train has it, labelled ones as well: of shard 0 the last has turn 25, of class 1:
# a round of all 24 has gone before.
code=0
ELBOW_TEST_FAULT=value:13:0:38 launch 0 train "${semi[@]}" --out infinite >infinite.log 2>&1 || code=$?
row=$(sed -n 's/^elbow: step 14: .*(1 of its 39 examples, row \([0-9]*\) of .*/\1/p' infinite.log)
[ "$code" = 1 ] && [ -n "$row" ] || { cat infinite.log >&2 && fail "exit code $code, or no row"; }
label=$(gunzip -c idx-train-labels.gz | od -An -tu1 -j $((8 + row)) -N1 | xargs)
[ "$label" = $((25 % (4 * classes) % classes)) ] || fail "row $row is of class $label"
quiet default launch 0 train "${small[@]}" --set train.epochs=1 --out default
rows default | grep '^evaluation .* accuracy=-\?nan' >/dev/null || fail 'accuracy without labels'

refuse() { expect_fail "$1" "$2" launch 0 train "${semi[@]}" "${@:3}" --out new; }
refuse 1 'no labels for train' --set data.file=bare.h5
refuse 1 'is the label .*make it' --set 'model.latent=categorical 1x3'
refuse 2 'is the label: one categorical' --set 'model.latent=gaussian 4'
refuse 2 'does not take labels' --set estimator.name=reinforce --set estimator.samples=2 --set "model.latent=categorical 1x$classes"
refuse 2 'data.context = labels' --set data.context=labels
refuse 2 'more than the data.labels' --set train.labelled=1000
refuse 1 'of class' --set data.labels=1990
expect_fail 2 'data.labels' launch 0 train --resume one --set data.labels=9
