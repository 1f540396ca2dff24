# A run made longer, a run with options changed, a run from the weights of another: what goes, what is refused.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
data

# Extending a finished run, where no schedule spans it, is a run of that length from the beginning.
fixed=("${small[@]}" --set parallel.shards=4 --set 'estimator.temperature=exponential 1 0.5 rate=1e-3')
quiet fixed launch 0 train "${fixed[@]}" --set train.epochs=5 --out five
quiet fixed launch 0 train "${fixed[@]}" --set train.epochs=3 --out extended
quiet extended launch 3 train --resume extended --set train.epochs=5 --set checkpoint.keep=1 --set train.log_every=10
grep -q 'no schedule spans the run: the same bits' extended.log || { cat extended.log >&2 && fail 'what extending means is not said'; }
grep -q 'changed *train.epochs: 3 → 5' extended.log || { cat extended.log >&2 && fail 'train.epochs is not listed'; }
grep -q 'changed *checkpoint.keep: 2 → 1' extended.log || { cat extended.log >&2 && fail 'checkpoint.keep is not listed'; }
grep -q 'changed *train.log_every' extended.log && fail 'what did not change is listed'
[ "$(digest five)" = "$(digest extended)" ] || fail 'extending gave other bits'
[ "$(find extended/checkpoints -name 'step-*' | wc -l)" = 1 ] || fail 'checkpoint.keep = 1 was not heeded'
grep -q '^epochs = 5' extended/config.ini || fail 'config.ini does not have the new length'

# Where a schedule spans the run, it says what that means.
quiet cosine launch 0 train "${fixed[@]}" --set 'optimizer.learning_rate=cosine 3e-3 1e-5' --out cosine
quiet cosine launch 0 train --resume cosine --set train.epochs=4
grep -q 'warning: optimizer.learning_rate spans the run: at step 60' cosine.log || { cat cosine.log >&2 && fail 'no warning of the cosine'; }

# What may not change is refused, by its name, and the run is as it was.
expect_fail 1 'model.encoder = 32 \(the run has 64\) differs.*--from five' launch 0 train --resume five --set model.encoder=32
expect_fail 1 'run.seed = 7 \(the run has 1\) and others differ' launch 2 train --resume five --set run.seed=7 --set train.batch=50
expect_fail 2 'step 100, past the 40' launch 2 train --resume five --set train.epochs=2
expect_fail 2 '5 ranks.*4 shards' launch 5 train --resume five --set train.epochs=6
synthetic other.h5 1000 1
expect_fail 1 'trained on other data.*other.h5' launch 2 train --resume five --set data.file=other.h5
[ "$(word five)" = finished ] || fail "the state of five became $(word five)"

# The data file may have moved; its content counts.
mv data.h5 moved.h5
expect_fail 1 'data.h5' launch 2 train --resume five --set train.epochs=6
quiet moved launch 2 train --resume five --set train.epochs=6 --set data.file=moved.h5
mv moved.h5 data.h5

# A new run from the weights of another: a step 0 of its own, another seed, the same weights to begin with.
quiet from launch 2 train "${fixed[@]}" --set run.seed=5 --set train.steps=1 --set optimizer.learning_rate=1e-20 --from five --out from
[ "$(stored_step from)" = 1 ] || fail "--from begins at another step: $(stored_step from)"
elbo() { "$ELBOW" evaluate "$1" --samples 1 --data data.h5 | sed -n 's/^  -ELBO  *\([0-9.]*\) .*/\1/p'; }
a=$(elbo five) b=$(elbo from)
awk -v a="$a" -v b="$b" 'BEGIN { exit !((a - b) ^ 2 < 1) }' || fail "-ELBO of five is $a, of the run from it $b"

# What an estimator has of its own begins anew, or is dropped, where the other run's was another; a resumed run's may not be.
new=("${small[@]}" --set parallel.shards=4 --set train.epochs=0 --set train.steps=2)
quiet relax launch 2 train "${new[@]}" --set estimator.name=relax --from five --out relax
grep -q 'the estimator differs: of its own tensors [1-9][0-9]* begin anew, and 0 of five are dropped' relax.log || { cat relax.log >&2 && fail 'no word of what begins anew'; }
quiet muprop launch 0 train "${new[@]}" --set estimator.name=muprop --from relax --out muprop
quiet plain launch 2 train "${new[@]}" --from relax --out plain
grep -q 'of its own tensors 0 begin anew, and [1-9][0-9]* of relax are dropped' plain.log || { cat plain.log >&2 && fail 'no word of what is dropped'; }
quiet again launch 0 train "${new[@]}" --set estimator.name=relax --from relax --out again
grep -q 'the estimator differs' again.log && fail 'the same estimator differs'
expect_fail 1 'estimator.name = .*relax.* differs' launch 0 train --resume plain --set estimator.name=relax
expect_fail 1 'tensor .*this model' launch 0 train "${new[@]}" --set model.encoder=32 --set estimator.name=relax --from five --out x
