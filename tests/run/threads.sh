# Two threads a rank: the same bits on one rank and on two, again and again.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"

synthetic data.h5 600 1
for ranks in 1 2 1; do
    rm -rf "run$ranks"
    launch "$ranks" train "${small[@]}" --set train.threads=2 --set parallel.shards=2 --set train.steps=6 \
        --set model.encoder='512 256' --set train.batch=128 --out "run$ranks" >"log$ranks" 2>&1 || fail "$(cat "log$ranks")"
    grep -q '2 threads each' "log$ranks" || fail 'the start table does not say two threads'
    "${alone[@]}" info --digest "run$ranks" >>digests
done
[ "$(sort -u digests | wc -l)" = 1 ] || fail "not one digest: $(cat digests)"
[ "$(wc -l <digests)" = 3 ] || fail "not three: $(cat digests)"

# What the environment says otherwise is told, and does not count.
if OMP_NUM_THREADS=7 launch 1 train "${small[@]}" --set train.steps=1 --out run7 >log7 2>&1; then
    grep -q 'OMP_NUM_THREADS=7 is set, and train.threads = 1 wins' log7 || fail "no word of OMP_NUM_THREADS: $(cat log7)"
else
    fail "$(cat log7)"
fi
