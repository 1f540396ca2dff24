# scripts/reproduce: rows are trained, evaluated and printed beside what was published; what is done is not done again, what
# is stopped goes on, what is missing is said, and one row that fails costs no other. And jobs/reproduce.sbatch, around it.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"

# Images of a known law, in the places of the published files.
mkdir -p 'some data/binarized-mnist' 'some data/mnist'
"${ELBOW_MAKE_IDX:?}" idx 1200 1
cp idx-train-images.gz 'some data/mnist/train-images-idx3-ubyte.gz'
cp idx-test-images.gz 'some data/mnist/t10k-images-idx3-ubyte.gz'
cp idx-train-images.gz 'some data/binarized-mnist/train-images-idx3-ubyte.gz'
for split in valid test; do cp idx-test-images.gz "some data/binarized-mnist/$split-images-idx3-ubyte.gz"; done

# The program, but one of its rows fails, and it may be told to stop soon, or take its time to evaluate.
cat >program <<END
#!/bin/bash
case "\$*" in *train*estimator.name=reinforce*) echo 'elbow: no' >&2 && exit 1 ;; esac
if [ -e stop-next ] && [ "\$1" = train ]; then rm stop-next && exec "$ELBOW" "\$@" --set checkpoint.time_limit=0.05; fi
if [ -e slow-next ] && [ "\$1" = evaluate ]; then rm slow-next && echo \$\$ >slow && exec sleep 100; fi
exec "$ELBOW" "\$@"
END
chmod +x program
reproduce() { ELBOW=$PWD/program timeout 200 "$ELBOW_SOURCE/scripts/reproduce" --data 'some data' --out 'the runs' "$@" 2>&1; }
says() { grep -qE -- "$1" log || { cat log >&2 && fail "no line says \"$1\""; }; }

reproduce jang2017 --quick --dry-run >log || fail 'a dry run fails'
says 'train .*configs/jang2017.ini .*--continue .*estimator.name=muprop .*train.steps=200'
[ ! -e 'the runs' ] || fail 'a dry run left something'

# Two seeds: the means and deviations of what was evaluated; nothing is done twice.
reproduce jang2017 --quick --seeds 2 --only 'bernoulli-gum*' >log || { cat log >&2 && fail 'it fails'; }
runs='the runs/jang2017-200-steps'
value() { sed -n "s/^$1,//p" "$runs/figures/bernoulli-gumbel-softmax-$2-best-test-10.csv"; }
expected=$(awk -v a="$(value negative_elbo 1)" -v b="$(value negative_elbo 2)" \
    'BEGIN { printf "%.2f ± %.2f", (a + b) / 2, sqrt((a - b) ^ 2 / 2) }')
says "^\| bernoulli-gumbel-softmax \| 105.0 \| 2 \| $expected \|"
says 'CUT TO 200 STEPS'
if grep -qE '^(\| categorical|Missing)' log; then cat log >&2 && fail 'rows that were not asked for'; fi
reproduce jang2017 --quick --seeds 2 --only 'bernoulli-gum*' >log
if grep -q '^==>' log; then cat log >&2 && fail 'what is done is done again'; fi

# A run of other settings is neither taken for this one nor gone on with.
mkdir other && cp -r "$runs" other/
sed -i 's/^learning_rate = .*/learning_rate = 0.5/' other/jang2017-200-steps/bernoulli-gumbel-softmax-1/config.ini
differs='optimizer.learning_rate = 0.5, and cosine .* here'
reproduce jang2017 --quick --seeds 2 --only 'bernoulli-gum*' --out other --table >log
says '^\| bernoulli-gumbel-softmax \| 105.0 \| 1 \|'
says "^  bernoulli-gumbel-softmax-1 \(made with other settings: $differs\)$"
code=0
reproduce jang2017 --quick --only 'bernoulli-gum*' --out other >log || code=$?
[ $code = 1 ] || fail "exit code $code for a run of other settings"
says "other/jang2017-200-steps/bernoulli-gumbel-softmax-1 was made with other settings \($differs\): move it away"

# One row fails, the others do not; the table says so.
code=0
reproduce jang2017 --quick --only '*reinforce' bernoulli-gumbel-softmax >log || code=$?
[ $code = 1 ] || fail "exit code $code for rows that fail"
says 'failed, see .* categorical-reinforce-1 bernoulli-reinforce-1$'
says '^  bernoulli-reinforce-1 \(not begun\)$'
says '^\| bernoulli-gumbel-softmax \| 105.0 \| 1 \|'

# Stopped, and gone on with: the bits of a run that was not.
touch stop-next
code=0
reproduce relax2018 --steps 2000 --seeds 1 --only disarm >log || code=$?
[ $code = 75 ] || { cat log >&2 && fail "exit code $code for a run that is stopped"; }
reproduce relax2018 --steps 2000 --seeds 1 --table >log
says '^  disarm-1 \(stopped\)$'
quiet again reproduce relax2018 --steps 2000 --seeds 1 --only disarm
quiet plain launch 0 train "$ELBOW_SOURCE/configs/relax2018.ini" --set train.steps=2000 --set train.epochs=0 \
    --set estimator.name=disarm --set 'data.file=the runs/relax2018-2000-steps/data/binarized-mnist.h5' --out plain
[ "$(digest plain)" = "$(digest 'the runs/relax2018-2000-steps/disarm-1')" ] || fail 'another digest after a stop'

# Ctrl-C while it evaluates ends that too, and leaves nothing half-done; then it goes on from there.
touch slow-next
ELBOW=$PWD/program env --default-signal=INT timeout --foreground 200 "$ELBOW_SOURCE/scripts/reproduce" jang2017 --quick \
    --only categorical-muprop --data 'some data' --out 'the runs' >log 2>&1 &
begun=$!
for ((i = 0; i < 600; i++)); do if [ -s slow ]; then break; fi && sleep 0.1; done
[ -s slow ] || { cat log >&2 && fail 'it does not evaluate'; }
kill -INT "$begun"
code=0
wait "$begun" || code=$?
[ $code = 130 ] || { cat log >&2 && fail "exit code $code after Ctrl-C"; }
if kill "$(cat slow)" 2>kill.log; then fail 'the evaluation runs on after Ctrl-C'; fi
[ -z "$(find "$runs/figures" -name 'categorical-muprop*')" ] || fail 'half of an evaluation is left'
reproduce jang2017 --quick --only categorical-muprop >log || { cat log >&2 && fail 'it does not go on after Ctrl-C'; }
says '^\| categorical-muprop \| 107.0 \| 1 \|'

# The cut of the training images, and the stages of a run.
reproduce arsm2019 --seeds 1 --only gumbel-softmax@10 >log || { cat log >&2 && fail 'a stage fails'; }
"$ELBOW" info 'the runs/arsm2019/data/mnist-55k.h5' >info
grep -qE 'train +1,100 ' info && grep -qE 'valid +100 ' info || { cat info >&2 && fail 'another cut'; }
says '^\| gumbel-softmax@10 \| - \| 1 \|'

# A task of the job trains its run as train.sbatch does, and evaluates it. With a stand-in for Slurm.
mkdir bin
printf '#!/bin/bash\ncase "$*" in "show job"*) echo "   Command=%s/jobs/reproduce.sbatch x" ;; esac\n' "$ELBOW_SOURCE" >bin/scontrol
chmod +x bin/scontrol
PATH=$PWD/bin:$PATH SLURM_JOB_ID=8 SLURM_ARRAY_JOB_ID=7 SLURM_ARRAY_TASK_ID=2 ELBOW_LAUNCH=env timeout 200 \
    bash "$ELBOW_SOURCE/jobs/reproduce.sbatch" jang2017 --only 'bernoulli-str*' --quick --seeds 2 \
    --data 'some data' --out 'the runs' >log 2>&1 || { cat log >&2 && fail 'a task fails'; }
says 'state: finished: 200 steps'
says '^==> bernoulli-straight-through-gumbel-2: best checkpoint on test, 10 draws'
grep -q 'job 7_2 life 1 .*finished' "$runs/bernoulli-straight-through-gumbel-2/lives" || fail 'no life of the task'

# What cannot be is said, and leaves nothing.
wrong() {
    local pattern=$1 code=0
    shift
    "$ELBOW_SOURCE/scripts/reproduce" "$@" >log 2>&1 || code=$?
    [[ $code =~ ^[12]$ ]] || fail "exit code $code: $*"
    says "^scripts/reproduce: .*$pattern"
}
wrong "no reproduction 'jang2018'; there are: jang2017" jang2018
wrong 'which one' --quick
wrong "no row 'gumbel'; there are: categorical-gumbel-softmax" jang2017 --only gumbel
wrong 'a number, 1 or more' jang2017 --seeds none
wrong 'no nowhere/binarized-mnist/train-images.*give the folder' jang2017 --data nowhere --out nothing
wrong 'no run 99; there are' jang2017 --task 99
wrong '--quick is 200 steps' jang2017 --steps 50 --quick --dry-run
wrong '--quick is 200 steps' jang2017 --quick --steps 50 --dry-run
wrong "--data wants a folder, and not '--quick'" jang2017 --data --quick --dry-run
wrong "--out wants a folder, and not '--list'" jang2017 --out --list
wrong "--out wants a folder, and not ''" jang2017 --out

# How many runs there are is written by hand in two more places.
"$ELBOW_SOURCE/scripts/reproduce" jang2017 --list >log
array=$(grep -o -- '--array=1-[0-9]* jobs/reproduce.sbatch jang2017' log) || fail 'no array is said'
for file in scripts/reproduce jobs/reproduce.sbatch; do
    grep -qF -- "sbatch $array" "$ELBOW_SOURCE/$file" || fail "$file says another array than $array"
done
[ ! -e nothing ] || fail 'left something'
