# What elbow verify calls good is, what it calls bad is named with its place, and a run resumes to the same bits.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
synthetic data.h5 800 1
change=${ELBOW_CHANGE_CHECKPOINT:?}
few=("${small[@]}" --set data.limit=800 --set train.epochs=0 --set train.steps=12 --set checkpoint.every_steps=5
    --set parallel.shards=4 --set train.log_every=5 --set train.evaluate_every=5)

# good COMMAND…, bad COMMAND…: its exit code is 0, or 1; its text is in verify.log.
good() { quiet verify "$ELBOW" verify "$@"; }
bad() {
    local code=0
    "$ELBOW" verify "$@" >verify.log 2>&1 || code=$?
    [ "$code" = 1 ] || { cat verify.log >&2 && fail "exit code $code, not 1: verify $*"; }
}
says() { grep -qE -- "$1" verify.log || { cat verify.log >&2 && fail "it does not say \"$1\""; }; }

quiet a launch 2 train "${few[@]}" --out a

# Stopped and resumed on other rank counts: the same bits.
quiet verify launch 2 verify --resume "${small[@]}" --set parallel.shards=3 --set run.seed=2 --steps 12 --keep kept
says '^resumed +from step 3 to 12 +on 1 rank, no exchange, .*: the same bits, '
says '^the same bits: 12 steps straight on 2 ranks; stopped at 3 and resumed on 2, 1 ranks; shared memory and messages; digest '
good -q kept/*
[ "$(word kept/stopped)" = stopped ] && [ "$(stored_step kept/stopped)" = 3 ] || fail 'it was not stopped at step 3'
mv kept/straight other

good data.h5 a
says '^ok   data.h5   data: 800 train, [0-9]+ test; image of 144 pixels; '
says "^ok   a/checkpoints/step-000000012.h5   checkpoint of step 12, digest $(digest a), "
says '^ok   a/checkpoints/best.h5   the best, '
says '^ok   a   run: finished, 2 good checkpoints, the newest of step 12 of 12'
says '^all 7 ok'
good -q data.h5 a other
[ ! -s verify.log ] || fail '-q is not quiet'

# Two runs: the same bits, whoever computed them; others.
good --diff other kept/resumed-2
says "^same: other and kept/resumed-2: 8 tensors of parameters, 16 of the optimizer, .*digest $(digest other)"
says 'checkpoint.background +yes / no'
bad --diff a other
says '^differ: a and other: first encoder.0.weight\[0, 0\] is '
says 'run.seed +1 / 2'
bad --diff a/checkpoints/step-000000010.h5 a
says '^differ: .*: of step 10 and of step 12$'
if grep -q 'values that differ' verify.log; then fail 'a table of what differs by training'; fi
good --diff other/metrics.h5 kept/resumed-1/metrics.h5
bad --diff a/metrics.h5 other/metrics.h5
says 'first metrics/train/[a-z_]+\[[0-9]+, step [0-9]+\]'
bad --diff a/metrics.h5 other
says 'give two checkpoints or runs, or two metrics files'

# One bit of one value, checksums and all: the file is good, and not the same.
newest=checkpoints/step-000000012.h5
changed() {
    rm -rf c
    cp -r a c
    if [ $# -gt 0 ]; then "$change" c/$newest "$@" || fail "change $*"; fi
}
changed flip encoder.0.weight 293 # 2 x 144 + 5
good c/$newest
bad --diff a c
says '^differ: a and c: first encoder.0.weight\[2, 5\] is .* and '
says ' encoder.0.weight +1 of 9216  2, 5 .* 1$'
grep -q 'adam/' verify.log && fail 'the optimizer differs too?'

# What no checksum finds.
changed nan decoder.0.weight 65
bad c
says '^BAD  c/checkpoints/step-000000012.h5: decoder.0.weight: 1 of 2048 values are not finite, the first decoder.0.weight\[2, 1\] = nan; '
changed negative encoder.0.bias 3
bad -q c
says 'second_moment of encoder.0.bias: 1 of 64 values are negative'
says '^BAD  c: finished by its state, and its newest good checkpoint is of step 10'
[ "$(grep -c '' verify.log)" = 3 ] || { cat verify.log >&2 && fail '-q says what is good'; }
changed drop
bad c/$newest
says 'no tensor [a-z0-9.]*, which the model of its config has'
changed row
bad c/$newest
says '/train: row 4, of step 12, is there twice'
changed best
bad c
says 'best.h5: of step 12 .* is step 11'

# Damage, and files of other runs.
changed
truncate -s 9000 c/$newest
bad c
says '^BAD  c/checkpoints/step-000000012.h5: '
changed
cp other/metrics.h5 c
bad c
says 'step-000000012.h5: its history is not that of metrics.h5: /train, row [0-9]+ \(step [0-9]+\): [a-z_]+ is '
cp kept/stopped/metrics.h5 kept/resumed-1 # as if it had been killed before metrics.h5 was written
good kept/resumed-1
says '^note kept/resumed-1/checkpoints/step-000000012.h5: its history goes on after metrics.h5 ends'
changed
sed -i 's/^batch = .*/batch = 99/' c/config.ini
bad c
says 'config.ini: train.batch is 99 here and 100 in c/checkpoints/step-000000012.h5'
changed
echo dancing >c/state
rm c/metrics.h5
mv c/$newest c/checkpoints/step-000000011.h5
: >c/checkpoints/.step-000000012.h5.tmp-1
bad c
says 'step-000000011.h5: it is of step 12, not 11'
says '^note c/checkpoints/.step-000000012.h5.tmp-1: being written, or left over'
says 'c: state is "dancing"'
changed
rm c/checkpoints/best.h5
bad c
says 'best.h5: not there'
bad nothing "$ELBOW_SOURCE/configs/smoke.ini"
says '^BAD  nothing: no such file'
says '^2 of 2 bad'
says '^BAD  .*smoke.ini: a text, .*elbow config --check'

# Under a launcher, any: the first process, without MPI.
PMI_SIZE=2 PMI_RANK=0 bad -q nothing
says '^BAD  nothing: '
PMI_SIZE=2 PMI_RANK=1 good -q nothing
[ ! -s verify.log ] || fail 'the second process speaks too'

expect_fail 2 'takes two' "$ELBOW" verify --diff a
expect_fail 2 'goes with --resume' "$ELBOW" verify --steps 9 a
expect_fail 2 'must be at least 4|`3`' "$ELBOW" verify --resume "${small[0]}" --steps 3

# Sums in MPI's own order are not the same bits on other rank counts, and it says so; nothing is left behind.
mkdir empty
code=0
TMPDIR=$PWD/empty launch 3 verify --resume "${small[@]}" --set parallel.allreduce=mpi --set parallel.shards=4 --steps 9 >verify.log 2>&1 ||
    code=$?
[ "$code" = 1 ] || { cat verify.log >&2 && fail "exit code $code"; }
says '^OTHER BITS: 9 steps straight on 3 ranks; stopped at 2 and resumed on 3, 2, 1 ranks'
says '^differ: the straight run and this one: first [a-z0-9.]+\[[0-9, ]+\] is '
says 'exact to rounding only'
[ -z "$(find empty -name 'elbow-*')" ] || fail "left behind: $(ls empty)"
