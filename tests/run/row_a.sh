# Row A, the config that users start from, at its full size: one rank and four give the same bits, with pictures.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
data
row_a=("$ELBOW_SOURCE/configs/categorical-mnist.ini" --set data.file=data.h5 --set parallel.shards=4
    --set train.steps=40 --set train.log_every=10)

quiet one launch 1 train "${row_a[@]}" --out one
quiet four launch 4 train "${row_a[@]}" --out four
same one four
for picture in samples reconstructions; do
    cmp "one/pictures/$picture-000000040.png" "four/pictures/$picture-000000040.png" || fail "$picture differ"
done

# It learns: the training −ELBO of the last ten steps is below that of the first ten.
mapfile -t elbo < <(rows one | sed -n 's/^train .* elbo=\([^ ]*\) .*/\1/p')
first=$(printf %.1f "${elbo[0]}") last=$(printf %.1f "${elbo[-1]}")
awk -v first="$first" -v last="$last" 'BEGIN { exit !(-last < 0.85 * -first) }' || fail "ELBO went from $first to $last"
echo "ELBO of ten steps: $first, then $last; $(digest one)"
