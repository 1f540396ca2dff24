# What a run leaves: a plain log, pictures, a config that reruns it, a state, metrics that any reader may open.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
data
config=$ELBOW_SOURCE/configs/smoke.ini

quiet run launch 2 train "$config" --set data.file=data.h5 --out run
if grep -qP '[\r\x1b]' run.log; then fail 'the log has carriage returns or escape codes'; fi
grep -q '^epoch 3 .*step 60 .*-ELBO' run.log || { cat run.log >&2 && fail 'no line for the last evaluation'; }
[ "$(grep -c '^epoch' run.log)" = 3 ] || { cat run.log >&2 && fail 'not a line an epoch'; }
[ "$(word run)" = finished ] || fail "state: $(cat run/state)"
[ "$(ls -A run | tr '\n' ' ')" = 'checkpoints config.ini metrics.h5 pictures state ' ] || fail "it holds: $(ls -A run)"
[ "$(ls -A run/checkpoints | tr '\n' ' ')" = 'best.h5 step-000000040.h5 step-000000060.h5 ' ] || fail "$(ls -A run/checkpoints)"

png() {
    [ "$(head -c 8 "$1" | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ] || fail "$1 is no PNG file"
    [ "$(tail -c 8 "$1" | od -An -tx1 | tr -d ' \n')" = 49454e44ae426082 ] || fail "$1 is cut short"
}
if [ -d run/pictures ] && ls run/pictures/*.png >/dev/null 2>&1; then
    [ "$(find run/pictures -name '*.png' | wc -l)" = 6 ] || fail 'not two pictures for each of three evaluations'
    for picture in run/pictures/*.png; do png "$picture"; done
    quiet sample launch 0 sample run -n 10 -o samples.png
    quiet sample launch 2 sample run -n 10 -o again.png
    quiet reconstruct launch 0 reconstruct run -n 7 -o pairs.png
    png samples.png
    png pairs.png
    cmp samples.png again.png || fail 'samples differ between rank counts'
else
    grep -q libpng run.log || fail 'no picture, and nothing says why'
fi

# config.ini is the whole of it: the same run from it, on another rank count.
"$ELBOW" config --check run/config.ini >check.log || fail 'config.ini is not good'
quiet rerun launch 1 train run/config.ini --out rerun
same run rerun
"$ELBOW" info --config run >stored.ini
quiet rerun launch 1 train stored.ini --out stored
same run stored

# metrics.h5 opens at any moment.
start 2 train "$config" --set data.file=data.h5 --set train.epochs=60 --set checkpoint.every_steps=25 \
    --set train.evaluate_every=50 --set train.pictures=no --out polled
await test -e polled/metrics.h5
polls=0
while kill -0 "$pid" 2>/dev/null; do
    "$ELBOW" info polled/metrics.h5 >info.log 2>&1 || { cat info.log >&2 && fail "metrics.h5 did not open, poll $polls"; }
    polls=$((polls + 1))
done
finish
[ "$code" = 0 ] || fail "exit code $code"
[ $polls -gt 5 ] || fail "only $polls polls"
echo "metrics.h5 opened $polls times while it was rewritten"

# Python reads them without this project.
if "${PYTHON:-python3}" -c 'import h5py' 2>/dev/null; then
    "${PYTHON:-python3}" - <<'P'
import h5py
with h5py.File("polled/metrics.h5") as f:
    for table in ("train", "evaluation"):
        lengths = {f[table][name].shape for name in f[table]}
        assert len(lengths) == 1, lengths
    steps = f["train/step"][:]
    assert steps[-1] == 1200 and (steps[1:] > steps[:-1]).all()
with h5py.File("run/checkpoints/best.h5") as f:
    assert "model" in f and "optimizer/adam" in f and f["run"].attrs["step"] == 60
P
else
    echo 'without h5py: not read from Python'
fi
