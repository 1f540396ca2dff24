# elbow bench estimators: on a model whose latents can be summed over, unbiased estimators are within the error and biased ones
# are not; the same figures on any rank count; what cannot be is refused.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
export TMPDIR=$PWD
synthetic data.h5 1000 1
model=("${small[@]}" --set 'model.latent=categorical 2x3' --set model.encoder=32 --set model.decoder=32 --set train.batch=16)
bits=("${model[@]}" --set 'model.latent=bernoulli 4')
quick=(--seconds 0.3 --draws 96)

# column FILE ROW NAME: a cell.
column() {
    awk -F, -v row="$2" -v name="$3" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i } $1 == row { print $at }' "$1"
}
# holds EXPRESSION: of awk.
holds() { awk "BEGIN { exit !($1) }" || fail "not so: $1"; }

quiet exact launch 0 bench estimators "${model[@]}" --csv exact.csv "${quick[@]}"
grep -q 'reference  exact, without noise' exact.log || { cat exact.log >&2 && fail 'no exact reference'; }
grep -qE '^  pathwise +not here: .*Gaussian' exact.log || fail 'it does not say why pathwise is not here'
holds "$(column exact.csv reinforce z) < 4"
holds "$(column exact.csv exact bias) == 0 && $(column exact.csv exact forward) == 9"
for name in gumbel-softmax straight-through-gumbel gumbel-rao; do
    holds "$(column exact.csv $name z) > 4 && $(column exact.csv $name bias) > 0.02 && $(column exact.csv $name cosine) > 0.5"
done
holds "$(column exact.csv reinforce variance) > $(column exact.csv gumbel-softmax variance)"
holds "$(column exact.csv reinforce samples) == 2 && $(column exact.csv reinforce seconds) > 0"

# All parameters, of bits: disarm, with the mean of another estimator for a reference.
quiet bits launch 0 bench estimators "${bits[@]}" --all --only disarm,gumbel-softmax --reference reinforce --reference-draws 320 \
    --csv bits.csv "${quick[@]}"
grep -q 'reference  the mean of 320 gradients of reinforce' bits.log || { cat bits.log >&2 && fail 'another reference'; }
[ "$(cut -d, -f1 bits.csv | tr '\n' ' ')" = 'estimator gumbel-softmax disarm ' ] || fail 'not what --only lists'
holds "$(column bits.csv disarm z) < 4 && $(column bits.csv disarm reference_error) > 0"

# Of one bit, and one example, disarm's gradient differs in few draws: it has noise all the same, and is not the reference without.
bit=("${model[@]}" --set 'model.latent=bernoulli 1' --set model.encoder=16 --set model.decoder=16 --examples 1 --draws 64 --seconds 0.1)
quiet bit launch 0 bench estimators "${bit[@]}" --set run.seed=2 --only disarm --csv bit.csv
holds "$(column bit.csv disarm draws) == 64"
! grep -q 'OFF' bit.log || { cat bit.log >&2 && fail 'an unbiased estimator is said to be off'; }
quiet few launch 0 bench estimators "${bit[@]}" --set run.seed=2 --set estimator.limit=1 --only disarm,reinforce
! grep -q 'without noise' few.log || { cat few.log >&2 && fail 'a sampled reference is said to have no noise'; }

# Of a run, on other rank counts: all but times is the same.
quiet train launch 0 train "${model[@]}" --set train.steps=20 --out run
figures() { cut -d, -f1-6,10-26 "$1"; }
for ranks in 0 2 3; do
    quiet "run$ranks" launch $ranks bench estimators run --only reinmax,reinforce --csv "run$ranks.csv" "${quick[@]}"
    cmp <(figures run0.csv) <(figures "run$ranks.csv") || fail "other figures on $ranks ranks"
done
grep -qE 'model +run/checkpoints/step-0*20.h5, step 20' run0.log || fail 'it does not say what model'
holds "$(column run0.csv reinmax step) == 20"

# Ctrl-C: no random images stay.
start 0 bench estimators "$ELBOW_SOURCE/configs/smoke.ini" --synthetic --seconds 60
for ((i = 0; i < 200; i++)); do
    ! grep -q 'about 60' background.log || break
    sleep 0.02
done
kill -INT "$pid"
finish
[ "$code" = 75 ] || [ "$code" = 0 ] || { cat background.log >&2 && fail "exit code $code after SIGINT"; }
[ -z "$(find . -name 'elbow-bench*')" ] || fail "left behind: $(find . -name 'elbow-bench*')"

expect_fail 2 'give one RUN' "${alone[@]}" bench estimators
expect_fail 2 'did you mean .gumbel-softmax' "${alone[@]}" bench estimators run --only gumbel
expect_fail 2 'no estimator' "${alone[@]}" bench estimators run --only ,
expect_fail 2 'does not take this model' "${alone[@]}" bench estimators run --reference disarm
expect_fail 2 'biased itself' "${alone[@]}" bench estimators run --reference reinmax
expect_fail 2 'out of range' "${alone[@]}" bench estimators run --draws 0
expect_fail 2 'out of range' "${alone[@]}" bench estimators run --temperature 0
expect_fail 1 'leave \[model\] as it was trained' "${alone[@]}" bench estimators run --set model.decoder=16
expect_fail '1|2' 'nowhere' "${alone[@]}" bench estimators nowhere
expect_fail 1 'nowhere.h5' "${alone[@]}" bench estimators nowhere.h5
expect_fail 1 'not a checkpoint' "${alone[@]}" bench estimators data.h5
expect_fail 1 'synthetic' "${alone[@]}" bench estimators "$ELBOW_SOURCE/configs/smoke.ini" --set data.file=no.h5
