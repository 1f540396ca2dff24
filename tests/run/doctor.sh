# elbow doctor: what it finds, what it predicts beside what a run really takes, and that it leaves nothing behind.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
synthetic data.h5 2000 1
config=$ELBOW_SOURCE/configs/smoke.ini
options=(--set data.file=data.h5 --set train.pictures=no --set train.epochs=4 --set model.encoder=256 --set train.log_every=7)
brief=(--seconds 0.05)

# examine CODE P ARGUMENT…: that exit code, nothing new in the directory, nothing on stderr but a launcher's words.
examine() {
    local expected=$1 ranks=$2 got=0 before
    shift 2
    before=$(everything)
    launch "$ranks" doctor "$config" "${brief[@]}" "${options[@]}" "$@" >doctor.log 2>doctor.err || got=$?
    [ "$got" = "$expected" ] || { cat doctor.log doctor.err >&2 && fail "exit code $got, not $expected: doctor $*"; }
    ! grep -q '^elbow' doctor.err || fail "on stderr: $(cat doctor.err)"
    [ "$before" = "$(everything)" ] ||
        fail "left something behind: $(comm -13 <(echo "$before") <(everything) | head -n 5): doctor $*"
}
says() { grep -qE -- "$1" doctor.log || { cat doctor.log >&2 && fail "no line like \"$1\""; }; }
touch doctor.log doctor.err

# --- all well, alone and on two ranks: a line for each subject
for ranks in 0 2; do
    examine 0 $ranks --out runs/a
    for subject in launch config data directory kernels memory time checkpoint disk; do says "^ok +$subject  "; done
    says '(all is well|nothing failed)'
    [ ! -e runs ] || fail 'it made the run'
done
says '^ok +launch +by mpirun.*: 2 ranks on 1 node'
says '^ok +data +data.h5: 2000 train, 400 test examples.*every checksum'

# --- what it predicts is what happens
number='\([0-9.]*\) \([kMG]*\)B'
bytes() { awk -v n="$1" -v u="$2" 'BEGIN { m["k"] = 1e3; m["M"] = 1e6; m["G"] = 1e9; printf "%.0f", n * (u in m ? m[u] : 1) }'; }
predicted() { # SUBJECT: the first number of bytes of its line
    local n u
    read -r n u < <(sed -n "s/^ok *$1  *$number.*/\1 \2/p" doctor.log)
    bytes "$n" "$u"
}
near() { awk -v a="$1" -v b="$2" -v f="$3" 'BEGIN { exit !(a < b * (1 + f) && b < a * (1 + f)) }' || fail "$4: predicted $1, really $2"; }
cat >peak.py <<'END'
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
END
examine 0 0 --out run
timeout 60 "$PYTHON" peak.py "${alone[@]}" train "$config" "${options[@]}" --out run >peak || fail 'it does not train'
near "$(predicted checkpoint)" "$(stat -c %s run/checkpoints/step-000000080.h5)" 0.02 'bytes of a checkpoint'
if [ -z "${ELBOW_SANITIZE:-}" ]; then near "$(predicted memory)" "$(cat peak)" 0.3 'bytes of memory'; fi
says ' 80 steps$'

# --- what is wrong is said, and all of it at once
examine 0 0 --out run
says '^warning +directory +run exists.*--continue'
mkdir here
examine 1 0 --out here
says '^FAILED +directory +here exists and holds no run'
expect_fail 2 'here exists and holds no run' launch 0 train "$config" "${options[@]}" --out here
expect_fail 2 'run exists; .*--resume run' launch 0 train "$config" "${options[@]}" --out run
examine 1 0 --set optimizer.learning_rate=1e30 --set train.pictures=yes
says '^FAILED +steps +step .*not finite.*optimizer.clip_norm$'
examine 0 0 --set train.pictures=yes --set train.batch=9999 --set train.epochs=2
if "$ELBOW" sample run -o picture.png 2>/dev/null; then says '^ok +disk .*pictures of 2 evaluations \([0-9.]+ [kM]B\) and metrics.h5'; fi # a build without PNG
rm -f picture.png
says '^ok +time .*a step of 2000 examples .*train.batch = 9999 .*an epoch of 1 step;'
examine 1 0 --set data.file=missing.h5 --out /proc/nowhere/run
says '^FAILED +data +missing.h5: no such file'
says '^FAILED +directory +/proc'
says '^2 failed'
examine 1 0 --set train.bach=3
says '^FAILED +config .*bach.*did you mean `batch`'
examine 1 0 --set 'estimator.temperature=expo 1'
says '^FAILED +config .*temperature.*expo'
examine 1 0 --set checkpoint.keep=1000000 --set model.encoder=2048
says '^FAILED +disk .*1000000 checkpoints.*checkpoint.keep'
examine 1 2 --set parallel.shards=1
says '^FAILED +set-up .*2 ranks.*1 shard'
examine 0 0 --set model.scale=softplus --set checkpoint.time_limit=0.01
says '^warning +set-up +model.scale'
says '^warning +time +10 ms is left.*jobs/train.sbatch'
cp data.h5 damaged.h5
printf 'x' | dd of=damaged.h5 bs=1 seek=20000 conv=notrunc 2>/dev/null
examine 1 0 --set data.file=damaged.h5
says '^FAILED +data +damaged.h5: .*(damaged|checksum)'
expect_fail 2 'give one CONFIG' launch 0 doctor
expect_fail 2 '--seconds' launch 0 doctor "$config" --seconds soon

# --- interrupted, it still takes away what it wrote
start 0 doctor "$config" "${options[@]}" --set train.epochs=100000 --seconds 60
scratch() { compgen -G 'elbow-bench-*/run/config.ini'; }
await scratch
sleep 0.2
kill -INT "$pid"
finish
[ "$code" = 75 ] || { cat background.log >&2 && fail "interrupted: exit code $code"; }
if compgen -G 'elbow-bench-*'; then fail 'it left its directory'; fi
