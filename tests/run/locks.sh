# Nothing that elbow reads or writes is locked, and nobody's lock stops it: network file systems have none, or broken ones.
# Who reads metrics while a run goes on disturbs nothing, and always sees a whole file.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
command -v flock >/dev/null || skip 'no flock'
export HDF5_USE_FILE_LOCKING=TRUE # HDF5's own, where it were used
synthetic data.h5 300 1

# locked COMMAND…: while another process holds an exclusive lock on every HDF5 file here.
locked() {
    local files i descriptors=()
    mapfile -t files < <(find . -name '*.h5' ! -name best.h5 -o -name state -o -name config.ini) # best.h5 is a link
    for i in "${!files[@]}"; do
        exec {descriptor}<"${files[$i]}"
        descriptors+=("$descriptor")
        flock -n -x "$descriptor" || fail "${files[$i]} is locked by another"
    done
    # The locks belong to these descriptors, which the command does not inherit.
    (
        for descriptor in "${descriptors[@]}"; do exec {descriptor}<&-; done
        "$@"
    ) || fail "$* failed while its files were locked"
    for descriptor in "${descriptors[@]}"; do exec {descriptor}<&-; done
}
locked quiet train launch 2 train "${small[@]}" --set train.epochs=1 --set parallel.shards=2 --out run
locked quiet resume launch 2 train --resume run --set train.epochs=2
locked quiet evaluate launch 1 evaluate run --samples 2
locked quiet info launch 0 info run
locked quiet again "$ELBOW" import hdf5 --input data.h5 --x train/x --shape 12x12 -o again.h5
[ "$(word run)" = finished ] || fail "state: $(cat run/state)"

"$PYTHON" -c 'import h5py' 2>/dev/null || { echo 'not tried: readers with h5py'; exit 0; }

# Files of the newest format, and files that their writer has still open.
cat >writer.py <<'END'
import h5py, sys
with h5py.File(sys.argv[1], 'w', libver=sys.argv[2]) as f:
    f['x'] = [[float(i), i * i] for i in range(30)]
    f.flush()
    print('written', flush=True)
    sys.stdin.read()
END
for format in earliest latest; do
    mkfifo hold.$format
    "$PYTHON" writer.py foreign.h5 $format <hold.$format >written.$format &
    writer=$!
    exec {hold}>hold.$format
    await grep -q written written.$format
    quiet foreign "$ELBOW" import hdf5 --input foreign.h5 --x x --force -o foreign-data.h5
    exec {hold}>&-
    wait $writer
done

# A reader of metrics that looks as often as it can, keeping each file open for a while.
cat >reader.py <<'END'
import h5py, os, sys
looks, newest = 0, 0
while not os.path.exists('enough'):
    try:
        with h5py.File('busy/metrics.h5', 'r') as f:
            lengths = {len(f['train'][name]) for name in f['train']}
            assert len(lengths) == 1, lengths
            rows = lengths.pop()
            assert rows >= newest, (rows, newest)
            newest, looks = rows, looks + 1
    except FileNotFoundError:
        pass
print(looks, newest)
END
"$PYTHON" reader.py >reader.log 2>&1 &
reader=$!
quiet busy launch 1 train "${small[@]}" --set train.epochs=4 --set checkpoint.every_steps=1 --set train.log_every=1 --out busy
sleep 0.1
touch enough
wait $reader || fail "a reader failed: $(cat reader.log)"
quiet still launch 1 train "${small[@]}" --set train.epochs=4 --set train.log_every=1 --out still
same busy still
read -r looks newest <reader.log
[ "$looks" -gt 2 ] && [ "$newest" -gt 2 ] || fail "the reader saw $newest rows in $looks looks"
echo "looked $looks times, and saw $newest rows"
