# An ordinary user: import, train with mpirun, evaluate; and directories that are not theirs.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
[ "$(id -u)" = 0 ] || skip 'not root: every other test is this one'
command -v runuser >/dev/null || skip 'no runuser'
user=nobody
id "$user" >/dev/null 2>&1 || skip "no user $user"
synthetic data.h5 1000 1
"$ELBOW_MAKE_IDX" idx 500 2
chmod 755 .
chmod 644 data.h5 idx-*
cp "$ELBOW" elbow # the build may lie where that user cannot go
cp "$ELBOW_SOURCE/configs/smoke.ini" smoke.ini
chmod 755 elbow
mkdir home locked
chown "$user" home
ELBOW=$PWD/elbow small=("$PWD/smoke.ini" --set data.file=data.h5)
as() { runuser -u "$user" -- env HOME="$PWD/home" TMPDIR="$PWD/home" "$@"; }
as test -x "$ELBOW" || skip "$user cannot reach $PWD"

quiet import as "$ELBOW" import idx --train idx-train-images.gz --test idx-test-images.gz -o home/data.h5
quiet train as timeout 60 "$ELBOW_MPIEXEC" -n 2 "$ELBOW" train "${small[@]}" --out home/run
quiet evaluate as timeout 60 "$ELBOW_MPIEXEC" -n 2 "$ELBOW" evaluate home/run --samples 2
[ "$(word home/run)" = finished ] || fail "state: $(cat home/run/state)"
[ "$(stat -c %U home/run/metrics.h5)" = "$user" ] || fail 'its files belong to another'

expect_fail 1 'locked/new.*[Pp]ermission.*' as "$ELBOW" train "${small[@]}" --out locked/new
expect_fail 1 'locked/new.*[Pp]ermission.*' as timeout 60 "$ELBOW_MPIEXEC" -n 2 "$ELBOW" train "${small[@]}" --out locked/new
expect_fail 1 'locked.*[Pp]ermission.*' as "$ELBOW" import idx --train idx-train-images --test idx-test-images -o locked/new.h5
expect_fail 1 'locked.*[Pp]ermission.*' as "$ELBOW" sample home/run -o locked/new.png
chmod 600 data.h5
expect_fail 1 'data.h5.*[Pp]ermission.*' as "$ELBOW" train "${small[@]}" --out home/new
chmod 644 data.h5
chown -R root home/run
expect_fail 1 'home/run.*[Pp]ermission.*' as "$ELBOW" train --resume home/run --set train.epochs=4
! grep -q 'best.h5' expect.err || fail "$(cat expect.err)"
[ "$(word home/run)" = finished ] || fail 'the state of a run that is not theirs changed'
