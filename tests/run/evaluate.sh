# elbow evaluate: the same figures on any rank count, on every split; more draws do not loosen the bound.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
data whole.h5
"${ELBOW_MAKE_IDX:?}" idx 3000 1
"$ELBOW" import idx --train idx-train-images --valid idx-test-images --test idx-test-images -o data.h5 >import.log
quiet run launch 0 train "${small[@]}" --set train.epochs=6 --set data.limit=3000 --set data.binarize=threshold --out run

for split in train valid test; do
    for ranks in 0 1 2 3; do
        launch $ranks evaluate run --split $split --samples 5 >$split-$ranks
        cmp $split-0 $split-$ranks || fail "$split differs on $ranks ranks"
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

# Grey pixels are no observations of a Bernoulli, and the output says so.
quiet grey launch 0 train "${small[@]}" --set data.file=whole.h5 --set train.epochs=1 --out grey
launch 0 evaluate grey --samples 1 >grey.txt
if grep -q 'grey' grey.log; then
    grep -q 'not bounds' grey.txt || fail 'grey pixels are called observations'
    if grep -q 'upper bound' grey.txt; then fail 'a cross-entropy is called a bound'; fi
fi
