# A predictor: the lower half of an image from its upper half, the same on any rank count and stopped or not; what becomes of
# it in every command; and what it refuses.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
"${ELBOW_MAKE_IDX:?}" idx 1000 1
import=(import idx --train idx-train-images --train-labels idx-train-labels --test idx-test-images --test-labels idx-test-labels)
quiet import "$ELBOW" "${import[@]}" --context upper -o data.h5
grep -qE '^  x .*image, [0-9]+ x ' import.log && grep -qE '^  context .*image, [0-9]+ x ' import.log || { cat import.log >&2 && fail 'no halves'; }
predictor=("$ELBOW_SOURCE/configs/predict-mnist.ini" --set data.file=data.h5 --set data.binarize=threshold --set parallel.shards=4
    --set train.epochs=10 --set train.log_every=10 --set checkpoint.every_steps=60 --set optimizer.learning_rate=1e-2
    --set 'model.latent=categorical 6x4 / bernoulli 12')

quiet one launch 1 train "${predictor[@]}" --out one
grep -q 'predictor, p(z|c) factorised; KL none' one.log || { cat one.log >&2 && fail 'the start table does not say what it is'; }
quiet two launch 2 train "${predictor[@]}" --set train.epochs=4 --set train.pictures=no --out two
quiet two launch 3 train --resume two --set train.epochs=10
same one two

# --- evaluation: no KL, bounds in order, and the upper half helps
for ranks in 0 2; do launch $ranks evaluate one --samples 50 --csv $ranks.csv >$ranks.txt; done
cmp 0.csv 2.csv || fail 'evaluation differs between rank counts'
csv() { sed -n "s/^$1,//p" 0.csv; }
echo "-ELBO $(csv negative_elbo), IWAE-50 $(csv negative_iwae), without latents $(csv without_latents)"
awk -v e="$(csv negative_elbo)" -v i="$(csv negative_iwae)" -v k="$(csv kl)" -v w="$(csv without_latents)" \
    'BEGIN { exit !(k == 0 && i < e && e < w - 5) }' || { cat 0.txt >&2 && fail 'the bounds are out of order'; }
grep -q 'KL .*none: z is drawn' 0.txt || { cat 0.txt >&2 && fail 'the KL is not said to be none'; }
quiet score launch 0 score one -o scores.csv
quiet encode launch 0 encode one -o codes.h5

# --- what it makes
if ls one/pictures/*.png >/dev/null 2>&1; then
    for what in 'sample one -n 6' 'reconstruct one -n 6' 'traverse one --latent 11' 'interpolate one --from 0 --to 1 -n 2'; do
        # shellcheck disable=SC2086
        quiet picture launch 0 $what -o picture.png
        rm picture.png
    done
    expect_fail 2 'latents 0 to 11' launch 0 traverse one --latent 12 -o picture.png
fi

# --- other estimators, and labels as what is given
quick=(--set train.epochs=1 --set train.pictures=no)
quiet vimco launch 0 train "${predictor[@]}" "${quick[@]}" --set 'model.latent=bernoulli 10' --set estimator.name=vimco \
    --set estimator.samples=3 --set objective.bound=iwae --out vimco
quiet labels launch 0 train "${predictor[@]}" "${quick[@]}" --set data.context=labels --set estimator.name=reinmax --out labels
quiet sample launch 0 evaluate labels --samples 2
quiet exact launch 0 train "${predictor[@]}" "${quick[@]}" --set 'model.latent=categorical 2x4' --set estimator.name=exact --out exact
launch 0 evaluate exact --samples 5 >exact.txt
grep -q 'exact: the sum over all 16 z' exact.txt || { cat exact.txt >&2 && fail 'no exact -log p(x|c)'; }

# --- mistakes
wrong() { expect_fail 2 "$1" launch 0 train "${predictor[@]}" --out wrong "${@:2}"; }
expect_fail 2 'data.context = none.*--context upper' launch 2 train "${predictor[@]}" --set data.context=none --out wrong
wrong 'model.prior=learned: a predictor draws' --set model.prior=learned
wrong 'no KL' --set objective.free_bits=0.1
wrong 'one layer.*reinforce' --set estimator.name=muprop
wrong 'predictor' --set model.kind=predicter
quiet config "$ELBOW" config --check "$ELBOW_SOURCE/configs/predict-mnist.ini"
quiet beta launch 0 train "${predictor[@]}" "${quick[@]}" --set objective.beta=0.5 --out beta
grep -q 'objective.beta = 0.5 is set, and nothing reads it.*predictor' beta.log || fail 'no word on a weight of nothing'
quiet whole "$ELBOW" "${import[@]}" -o whole.h5
expect_fail 1 'whole.h5 has no field `context`' launch 0 train "${predictor[@]}" --set data.file=whole.h5 --out wrong
expect_fail 2 'uper.*upper, lower' "$ELBOW" "${import[@]}" --context uper -o wrong.h5
