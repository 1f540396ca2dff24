# The evaluation protocol: valid selects and ends the run, test is looked at once; an average of the weights is what is
# evaluated. All of it on any rank count, stopped and resumed or not.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
"${ELBOW_MAKE_IDX:?}" idx 400 1
"$ELBOW" import idx --train idx-train-images --valid idx-test-images --test idx-test-images -o data.h5 >import.log
rm -f idx-*
# So few examples that the model soon knows them by heart.
few=("${small[@]}" --set data.binarize=threshold --set data.limit=60 --set train.batch=30 --set parallel.shards=3
    --set train.epochs=0 --set train.steps=4000 --set train.evaluate_every=25 --set train.log_every=10
    --set 'estimator.temperature=0.7' --set optimizer.learning_rate=1e-2 --set checkpoint.every_steps=20
    --set train.test_samples=20)
patient=("${few[@]}" --set train.patience=3 --set optimizer.average=0.9)

# --- patience, with an average: the same end on any rank count, stopped in the middle or not
quiet one launch 0 train "${patient[@]}" --out one
end=$(stored_step one)
best=$("$ELBOW" info one | sed -n 's/^  best .* at step //p')
echo "ends at step $end of 4000, the best at $best"
[ "$(word one)" = finished ] || fail "state is $(word one)"
[ "$end" -lt 4000 ] && [ "$end" = $((best + 75)) ] || fail 'it did not end by its patience'
grep -q "^$end steps in .* of 4000, out of patience (train.patience)" one/state || fail "$(cat one/state)"
grep -q '3 evaluations on valid in a row no better than the best: train.patience. Go on with: elbow train --resume one --set train.patience=6' one.log ||
    { cat one.log >&2 && fail 'it does not say why it ended'; }
grep -q 'no better: 2 of 3' one.log || fail 'evaluations do not say what was waited for'
[ "$(digest one/checkpoints/best.h5)" != "$(digest one)" ] || fail 'best.h5 is the last'
quiet two launch 2 train "${patient[@]}" --out two
same one two
ELBOW_TEST_FAULT=slow:38:0:0.15 start 2 train "${patient[@]}" --out stopped
await test -e stopped/checkpoints/step-000000040.h5
touch stopped/stop
finish
[ "$(word stopped)" = stopped ] && [ "$(stored_step stopped)" -lt "$best" ] || { cat background.log >&2 && fail 'it was not stopped early'; }
quiet resumed launch 3 train --resume stopped
same one stopped
quiet verify "$ELBOW" verify one two stopped

# Resumed, it is over, and does not look at test again; with more patience it goes on, as if it had had it.
before=$(rows one)
quiet again launch 2 train --resume one
grep -q 'this run is finished; for more steps: --set train.patience=N' again.log || fail 'it does not say that the run is over'
[ "$(rows one)" = "$before" ] && [ "$(stored_step one)" = "$end" ] || fail 'a finished run changed'
quiet more launch 2 train --resume two --set train.patience=5 --set train.test_samples=0
quiet straight launch 0 train "${patient[@]}" --set train.patience=5 --set train.test_samples=0 --out straight
[ "$(digest two)" = "$(digest straight)" ] || fail 'more patience on resume makes another run'
[ "$(rows two | grep -v ^test)" = "$(rows straight)" ] || fail 'and other rows'

# --- test is looked at once, by the weights of best.h5; what is recorded is what evaluate measures of them
[ "$(rows one | grep -c '^test ')" = 1 ] && [ "$(rows one | grep -c '^evaluation .*split=0x1p+1 ')" = 0 ] ||
    { rows one >&2 && fail 'test was not looked at once'; }
launch 2 evaluate one/checkpoints/best.h5 --samples 20 --csv best.csv >best.txt
row=$(rows one | sed -n 's/^test .* elbo=\([^ ]*\) .* iwae=\([^ ]*\) .*/\1 \2/p')
"$PYTHON" - "$row" best.csv <<'END' || fail "evaluate measures otherwise than training: $row"
import csv, sys
values = dict(row for row in csv.reader(open(sys.argv[2])))
elbo, iwae = map(float.fromhex, sys.argv[1].split())
assert -elbo == float(values["negative_elbo"]) and -iwae == float(values["negative_iwae"]), (elbo, iwae, values)
END
grep -q 'mean of 20 single-sample -ELBOs' best.txt && grep -q 'IWAE-20 .* of 20 samples together' best.txt || fail 'the bounds are not named'
grep -q "test, by the weights of step $best: -ELBO .* the mean of 20 single samples; IWAE-20" one.log || fail 'test is not told of'
"$ELBOW" info one | grep -q '^  test .*step .*iwae' || fail 'info says nothing of test'

# What comes before that look is saved before it: a stop then is no loss.
stop=("${few[@]}" --set train.steps=60)
quiet full launch 0 train "${stop[@]}" --out full
quiet none launch 0 train "${stop[@]}" --set train.test_samples=0 --out none
[ "$(rows none | grep -c '^test ')" = 0 ] && [ "$(digest none)" = "$(digest full)" ] || fail 'test_samples = 0 looks at test, or changes the run'
quiet later launch 2 train --resume none --set train.test_samples=20
same full none
quiet always launch 2 train "${stop[@]}" --set train.evaluate_test=always --out always
[ "$(rows always | grep -c '^evaluation .*split=0x1p+1 ')" = 3 ] && [ "$(digest always)" = "$(digest full)" ] || fail 'evaluate_test = always does not'
mv full/checkpoints/best.h5 .
quiet gone launch 2 train --resume full --set train.test_samples=21
grep -q 'warning: test is not evaluated: .*best.h5.*elbow train --resume full' gone.log || { cat gone.log >&2 && fail 'no best.h5, and no word'; }
grep -q 'only the look at test is left' gone.log || { cat gone.log >&2 && fail 'it does not say what is left'; }
grep -q 'test, by the weights' gone.log && fail 'an old row is told as the new one'
mv best.h5 full/checkpoints
quiet back launch 2 train --resume full --set train.test_samples=21
[ "$(rows full | grep -c '^test ')" = 2 ] && [ "$(digest full)" = "$(digest none)" ] || fail 'more draws are no second look'
quiet verify "$ELBOW" verify full

# --- the average: what commands take, and what they can be told to
launch 0 evaluate one --samples 2 --csv average.csv >average.txt
launch 2 evaluate one --samples 2 --weights average --csv same.csv >/dev/null
launch 0 evaluate one --samples 2 --weights last --csv last.csv >last.txt
cmp -s average.csv same.csv || fail 'the average is not what is taken'
! cmp -s average.csv last.csv || fail '--weights last is the average'
grep -q 'step [0-9]*, average of the weights, on' average.txt && ! grep -q average last.txt || fail 'it is not said which weights'
expect_fail 2 'has no average of the weights, as its run had optimizer.average = 0' launch 0 evaluate none --weights average
expect_fail 2 '--weights is average or last, and `best` is neither' launch 0 sample one --weights best -o a.png
expect_fail 2 '--weights says which weights --from takes' launch 0 train --resume one --weights last
quiet from launch 2 train "${stop[@]}" --set train.steps=1 --set optimizer.learning_rate=0 --from one --out from
quiet from-last launch 2 train "${stop[@]}" --set train.steps=1 --set optimizer.learning_rate=0 --from one --weights last --out from-last
differ from from-last '--weights last of --from'
grep -q 'from the average of the weights of one' from.log || fail 'it is not said what it begins from'
