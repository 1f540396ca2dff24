# The exchange in a simulated cluster: two nodes, uneven shards and parts, and every sum is what it must be.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"

command -v smpicc >/dev/null || skip 'SimGrid is not installed (libsimgrid-dev)'

"$PYTHON" "$ELBOW_SOURCE/scripts/simulate" --check >log || fail 'the sums are wrong'
grep -q '^sums are right' log || fail 'nothing was checked'

# With one addition made wrong it must say so.
mkdir -p wrong/tests
cp -r "$ELBOW_SOURCE/src" "$ELBOW_SOURCE/include" "$ELBOW_SOURCE/scripts" wrong/
cp -r "$ELBOW_SOURCE/tests/bench" wrong/tests/
sed -i 's/elbow_take(y, x, n, /elbow_take(y, x, n - 1, /' wrong/tests/bench/simulate.c
if "$PYTHON" wrong/scripts/simulate --check >log 2>&1; then fail 'a wrong sum was taken for right'; fi
grep -q 'the sum of parameter' log || fail 'it failed for another reason'
