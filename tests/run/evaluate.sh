# elbow evaluate: the same figures on any rank count, on every split; more draws do not loosen the bound.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
data whole.h5
"${ELBOW_MAKE_IDX:?}" idx 3000 1
"$ELBOW" import idx --train idx-train-images --valid idx-test-images --test idx-test-images -o data.h5 >import.log
quiet run launch 0 train "${small[@]}" --set train.epochs=6 --set data.limit=3000 --set data.binarize=threshold --out run

for split in train valid test; do
    for ranks in 0 1 2 3; do
        launch $ranks evaluate run --split $split --samples 5 --csv $split-$ranks.csv >$split-$ranks
        cmp $split-0 $split-$ranks || fail "$split differs on $ranks ranks"
        cmp $split-0.csv $split-$ranks.csv || fail "the digits of $split differ on $ranks ranks"
    done
    grep -q "$split, [0-9]* examples, 5 draws" $split-0 || fail "$split is not named"
done
grep -q 'train, 3000 examples' train-0 || fail 'the training split is not whole'
cmp -s <(tail -n +2 valid-0) <(tail -n +2 test-0) && fail 'two splits of the same images have the same draws'
quiet best launch 0 evaluate run/checkpoints/best.h5
grep -q 'test, 600 examples, 100 draws' best.log || fail 'the usual split and draws are others'
cp -r run moved
quiet moved launch 0 evaluate moved --samples 5
cmp -s <(tail -n +2 moved.log) <(tail -n +2 test-0) || fail 'a copied run has other figures'

figure() { sed -n "s/^ *$1  *\([0-9.]*\) .*/\1/p" "$2"; }
launch 2 evaluate run --samples 50 >fifty
elbo=$(figure -ELBO fifty) iwae=$(figure IWAE-50 fifty) one=$(figure IWAE-5 test-0) sum=$(figure reconstruction fifty) kl=$(figure KL fifty)
echo "-ELBO $elbo, IWAE-5 $one, IWAE-50 $iwae, over the entropy of the law, 30.38"
awk -v e="$elbo" -v i="$iwae" -v f="$one" -v r="$sum" -v k="$kl" 'BEGIN {
    exit !(i < e && i <= f + 0.05 && i > 30.38 - 1 && (e - r - k) ^ 2 < 1e-4) }' || { cat fifty >&2 && fail 'the bounds are out of order'; }
grep -q 'upper bound of -log p(x)' fifty || fail 'a bound is not called one'

# The file has what is printed; and what the latents bought is seen.
csv() { sed -n "s/^$1,//p" "$2"; }
printf '%.3f\n' "$(csv negative_elbo test-0.csv)" | cmp -s - <(figure -ELBO test-0) || fail 'the file has another -ELBO'
awk -v e="$(csv negative_elbo test-0.csv)" -v w="$(csv without_latents test-0.csv)" -v b="$(csv negative_elbo_bits test-0.csv)" \
    -v n="$(csv values test-0.csv)" 'BEGIN { bits = e * 600 / n / log(2); exit !(e < w - 10 && (b - bits) ^ 2 < 1e-12) }' ||
    fail 'the latents bought nothing, or the bits are wrong'
grep -q 'without latents' test-0 || fail 'the model without latents is not named'
awk -v i="$(csv information test-0.csv)" -v a="$(csv aggregate_kl test-0.csv)" -v k="$(csv kl test-0.csv)" 'BEGIN {
    exit !(i > 0.5 && (i + a - k) ^ 2 < 1e-12) }' || fail 'information and aggregate KL do not add up to the KL'
if grep -q 'exact' test-0; then fail 'a sum over 4^8 z, beyond the limit'; fi

# Where all z can be summed over, they are, unless that is not wanted: and every bound is above.
quiet few launch 0 train "${small[@]}" --set 'model.latent=categorical 3x4' --set data.binarize=threshold --out few
launch 2 evaluate few --samples 20 --csv few.csv >few.txt
grep -q 'exact: the sum over all 64 z' few.txt || { cat few.txt >&2 && fail 'no exact -log p(x)'; }
awk -v x="$(csv negative_log_p few.csv)" -v i="$(csv negative_iwae few.csv)" -v e="$(csv negative_elbo few.csv)" \
    'BEGIN { exit !(x < i + 0.01 && i < e) }' || { cat few.txt >&2 && fail 'a bound is below -log p(x)'; }
launch 0 evaluate few --samples 1 --no-exact >few.txt
if grep -q 'exact' few.txt; then fail '--no-exact is exact'; fi
expect_fail 1 'nowhere/a.csv' "${alone[@]}" evaluate few --samples 1 --csv nowhere/a.csv

# Nothing is relaxed where nothing is discrete.
quiet gaussian launch 0 train "${small[@]}" --set 'model.latent=gaussian 4' --set estimator.name=pathwise \
    --set data.binarize=threshold --set train.epochs=1 --out gaussian
launch 0 evaluate gaussian --samples 2 >gaussian.txt
if grep -qE 'relaxed|nan' gaussian.txt; then cat gaussian.txt >&2 && fail 'relaxed draws of real latents'; fi
grep -q 'active units .* of 4' gaussian.txt || fail 'no active units'

# Grey pixels are no observations of a Bernoulli, and the output says so.
quiet grey launch 0 train "${small[@]}" --set data.file=whole.h5 --set train.epochs=1 --out grey
launch 0 evaluate grey --samples 1 >grey.txt
if grep -q 'grey' grey.log; then
    grep -q 'not bounds' grey.txt || fail 'grey pixels are called observations'
    if grep -qE 'upper bound|bits' grey.txt; then fail 'a cross-entropy is called a bound'; fi
fi
