# Paths as people have them: with spaces and letters of every alphabet, links, relative, with slashes at their end, very long;
# and those that cannot work: they say why.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
place='ein Ort ✓/ünd "noch" einer'
mkdir -p "$place"
"${ELBOW_MAKE_IDX:?}" "$place/i d x" 100 1
import=(import idx --train "$place/i d x-train-images.gz" --test "$place/i d x-test-images.gz")
options=(--set train.epochs=1 --set train.pictures=no)
config=$ELBOW_SOURCE/configs/smoke.ini
cp "$config" "$place/con fig.ini"
long=$(printf 'l%.0s' {1..200})
train=(train "$place/con fig.ini" "${options[@]}")

# --- what works: import, train, resume, evaluate, info, sample
quiet import "$ELBOW" "${import[@]}" -o "$place/dä ta.h5"
ln -s "$place/dä ta.h5" link.h5
chmod 444 "$place/dä ta.h5"
quiet spaces launch 2 "${train[@]}" --set "data.file=$place/dä ta.h5" --set parallel.shards=2 --out "$place/runs/ä b/"
reference=$(digest "$place/runs/ä b")
ln -s "$place/runs/ä b" run
# works RUN: resumed there, it goes on.
works() {
    epochs=$((epochs + 1))
    quiet resume launch 0 train --resume "$1" --set train.epochs=$epochs
    grep -q "^finished" resume.log || fail "resume $1: $(cat resume.log)"
}
epochs=1
quiet digest "$ELBOW" info --digest run
[ "$(cat digest.log)" = "$reference" ] || fail 'through a link it is another run'
works run
works "$PWD/$place/runs/ä b//"
works run///
quiet link launch 0 "${train[@]}" --set data.file=link.h5 --set parallel.shards=2 --out "./$place/../neu"
[ "$(digest "ein Ort ✓/neu")" = "$reference" ] || fail 'a link to the data, or a path with .., changes the weights'
deep=$long/$long/$long/$long/$long
quiet deep launch 0 "${train[@]}" --set data.file=link.h5 --set parallel.shards=2 --out "$deep/run"
[ "$(digest "$deep/run")" = "$reference" ] || fail 'a long path changes the weights'
ln -s "$PWD/run/checkpoints/best.h5" 'the bést.h5'
quiet evaluate launch 0 evaluate 'the bést.h5' --samples 1 --csv "$place/t able.csv"
[ -s "$place/t able.csv" ] || fail 'no CSV'
quiet checkpoints launch 0 evaluate run/checkpoints/ --samples 1
quiet from launch 0 "${train[@]}" --set data.file=link.h5 --from 'the bést.h5' --out from
quiet sample launch 0 sample 'the bést.h5' -o "$place/pi c.png" -n 4
quiet info "$ELBOW" info "$place/dä ta.h5"
grep -q 'dä ta.h5' info.log || fail "info: $(cat info.log)"

# --- what does not, and why
wrong() { local c=$1 p=$2 && shift 2 && expect_fail "$c" "$p" launch 0 "$@"; }
ln -s nowhere broken
ln -s loop loop
ln -s /dev/full full.h5
mkfifo pipe.png
wrong 1 'run/checkpoints.* not the directory of a run' train --resume run/checkpoints
wrong 1 'best.h5 .*not the directory of a run.*--from' train --resume run/checkpoints/best.h5
wrong 1 'run/checkpoints.*not of a run' info run/checkpoints
wrong 1 'broken.*no such file' train "$config" --set data.file=broken --out new
wrong 1 'loop.*symbolic links' train "$config" --set data.file=loop --out new
wrong 1 '/dev/null.*not an HDF5 file' train "$config" --set data.file=/dev/null --out new
wrong 2 'broken .*no directory' "${train[@]}" --set data.file=link.h5 --out broken
wrong 2 'full.h5 .*no directory' "${train[@]}" --set data.file=link.h5 --out full.h5
wrong 2 'the value of --out is empty' "${train[@]}" --out ''
wrong 2 'the value of --resume is empty' train --resume=
wrong 2 'an argument is empty' evaluate ''
wrong 1 'too long' "${train[@]}" --set data.file=link.h5 --out "$long$long"
wrong 1 'too long' "${import[@]}" -o "$long$long.h5"
wrong 1 'too long|No such|does not exist' sample run -o "$long$long.png"
wrong 2 'data.file.*1023' train "$config" --set "data.file=$deep$deep" --out new
wrong 1 'from.*is a directory' "${import[@]}" -o from
wrong 1 'from/.*is a directory' "${import[@]}" -o from/
wrong 1 'full.h5.*no regular file' "${import[@]}" --force -o full.h5
wrong 1 'pipe.png.*no regular file' sample run -o pipe.png
[ -p pipe.png ] && [ -c full.h5 ] || fail 'a file is where a pipe or a device was'
wrong 1 'nowhere/data.h5.*mkdir' "${import[@]}" -o nowhere/data.h5

# Nobody reads what is printed.
code=0
launch 0 info run >/dev/full 2>full.err || code=$?
{ [ "$code" = 1 ] && grep -q 'standard output.*disk full' full.err; } || fail "a full standard output: $code, $(cat full.err)"

# The directory that a shell stands in may be gone. Open MPI, too, says so.
here=$PWD
mkdir gone
code=0
(cd gone && rmdir "$here/gone" && launch 0 train "$here/$place/con fig.ini" "${options[@]}" --set "data.file=$here/link.h5" --out new) \
    >gone.out 2>gone.err || code=$?
{ [ "$code" = 1 ] && grep -q '^elbow: new: .*does not exist' gone.err; } || fail "no directory to stand in: $code, $(cat gone.err)"

# --- an ordinary user, in a directory of somebody else
if [ "$(id -u)" = 0 ] && command -v runuser >/dev/null && id nobody >/dev/null 2>&1; then
    chmod 755 .
    cp "$ELBOW" elbow && chmod 755 elbow
    as() { timeout 60 runuser -u nobody -- env HOME=/nonexistent TMPDIR=/tmp ASAN_OPTIONS=detect_leaks=0 "$@"; }
    if as test -x "$PWD/elbow"; then
        expect_fail 1 'new: .*[Pp]ermission' as "$PWD/elbow" "${train[@]}" --set "data.file=$place/dä ta.h5" --out new
        expect_fail 1 'new.h5.*[Pp]ermission' as "$PWD/elbow" "${import[@]}" -o new.h5
        code=0
        as "$PWD/elbow" doctor "$config" --set "data.file=$place/dä ta.h5" --seconds 0.01 --out new >doctor.log 2>&1 || code=$?
        { [ "$code" = 1 ] && grep -q '^FAILED *directory .*Permission' doctor.log; } || fail "doctor: $code, $(cat doctor.log)"
    fi
else
    echo 'not tried: directories of another user'
fi
