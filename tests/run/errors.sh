# Every mistake of a user: the exit code, one message that says what is wrong and what to do, nothing left behind.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
synthetic data.h5 1000 1
synthetic twin.h5 1000 1
"${ELBOW_MAKE_IDX:?}" idx 100 1
quiet run launch 0 train "${small[@]}" --set train.epochs=1 --set parallel.shards=4 --out run
checkpoint=run/checkpoints/step-000000010.h5
config=$ELBOW_SOURCE/configs/smoke.ini
mkdir empty
printf '[train]\nbatch = 10\nbatch = 20\n' >twice.ini
printf '[train]\nbach = 10\n' >unknown.ini
printf '[trian]\nbatch = 10\n' >section.ini
printf '[train]\nbatch = -3\n' >range.ini
printf '[train]\nbatch = ten\n' >word.ini
printf 'no section\n' >nonsense.ini
head -c 20000 data.h5 >truncated.h5
head -c 3000 /dev/urandom >noise.h5
: >nothing.h5
head -c 20000 $checkpoint >cut.h5

# wrong CODE REGEX ARGUMENT…: fails so; everywhere: alone, and on three ranks, of which one speaks.
wrong() {
    local code=$1 pattern=$2
    shift 2
    expect_fail "$code" "$pattern" launch 0 "$@"
}
everywhere() {
    wrong "$@"
    local code=$1 pattern=$2
    shift 2
    expect_fail "$code" "$pattern" launch 3 "$@"
}
train() { local c=$1 p=$2 s=$3 && shift 3 && wrong "$c" "$p" train "${small[@]}" --set "$s" "$@" --out new; }

# --- the command line
expect_fail 2 'did you mean `train`' launch 0 trian
everywhere 2 'unknown command' frobnicate
wrong 2 'give --out RUN' train
wrong 2 'give --out RUN' train "$config"
wrong 2 'give the CONFIG' train --out new
everywhere 2 '--out needs a value' train "$config" --out
wrong 2 '--set needs a value' train "$config" --out new --set
wrong 2 'unknown argument `--ouput`.*--out' train "$config" --ouput new
wrong 2 'second' train "$config" "$config" --out new
wrong 2 'given twice' train "$config" --out new --out other
wrong 2 'takes no value' train "$config" --out new --continue=yes
wrong 2 'one of them' train --resume run --out new
everywhere 2 'its config with it' train "$config" --resume run
wrong 2 'neither' train --resume run --continue
wrong 2 'one RUN or CHECKPOINT' evaluate
wrong 2 'one RUN or CHECKPOINT' evaluate run run
wrong 2 '--samples.*(0|least|from 1)' evaluate run --samples 0
everywhere 2 '--samples' evaluate run --samples ten
wrong 2 '-o FILE' sample run
everywhere 2 '-n' sample run -n -1 -o new.png
expect_fail 2 'FILE' launch 0 info
expect_fail 2 'FORMAT|import idx' launch 0 import
expect_fail 2 'png.*--help' launch 0 import png

# --- the config
everywhere 1 'missing.ini.*no such file' train missing.ini --out new
everywhere 2 'twice.ini.*3.*batch' train twice.ini --out new
wrong 2 'unknown.ini.*2.*bach.*batch' train unknown.ini --out new
wrong 2 'section.ini.*1.*trian.*train' train section.ini --out new
wrong 2 'range.ini.*2.*-3' train range.ini --out new
wrong 2 'word.ini.*2.*ten' train word.ini --out new
wrong 2 'nonsense.ini.*1' train nonsense.ini --out new
wrong '1|2' 'empty' train empty --out new
train 2 'train.bach.*did you mean `batch`' train.bach=3
train 2 '--set.*(nonsense|section.key)' nonsense
train 2 'batch.*0' train.batch=0
train 2 'batch.*1e99' train.batch=1e99
train 2 'parallel.allreduce.*ordered' parallel.allreduce=fast
train 2 'temperature.*expo' 'estimator.temperature=expo 1 0.5'
train 2 'temperature.*above 0' 'estimator.temperature=0'
train 2 'learning_rate.*warmup' 'optimizer.learning_rate=cosine 1e-3 1e-5 warmup=x'
train 2 'latent.*10y' 'model.latent=categorical 20x10y'
train 2 'latent.*gausian' 'model.latent=gausian 20'
train 2 'encoder.*-5' 'model.encoder=64 -5'
train 2 'encoder.*32y4' 'model.encoder=conv 32y4'
train 2 'activation.*rleu' model.activation=rleu
train 2 'estimator.*reinforced' estimator.name=reinforced
train 2 'optimizer.*sgdd' optimizer.name=sgdd
train 2 'likelihood.*gauss' model.likelihood=gauss
train 2 'prior.*vamp' model.prior=vamp
train 2 'train.epochs and train.steps are both 0' train.epochs=0
train 2 'parallel.shards = 8 .*train.batch = 4' train.batch=4 --set parallel.shards=8
expect_fail 2 '3 ranks.*2 shards' launch 3 train "${small[@]}" --set parallel.shards=2 --out new
expect_fail 2 'batch' launch 3 train "${small[@]}" --set train.batch=2 --out new

# --- the data
train 2 'data.file is not set' data.file=
train 1 'missing.h5.*no such file' data.file=missing.h5
expect_fail 1 'missing.h5.*no such file' launch 3 train "${small[@]}" --set data.file=missing.h5 --out new
train 1 'empty.*directory' data.file=empty
train 1 'noise.h5.*(not HDF5|HDF5)' data.file=noise.h5
train 1 'nothing.h5' data.file=nothing.h5
train 1 'truncated.h5' data.file=truncated.h5
train 1 'step-.*not.*data' data.file=$checkpoint
train 1 'metrics.h5' data.file=run/metrics.h5

# --- checkpoints and directories
wrong 1 'missing.*no such file' train --resume missing
everywhere 1 'empty.*no checkpoint' train --resume empty
wrong 1 'data.h5.*data file' train --resume data.h5
everywhere 1 'cut.h5' evaluate cut.h5
wrong 1 'data.h5.*data file' evaluate data.h5
wrong 1 'noise.h5' sample noise.h5 -o new.png
wrong 2 'split.*tset.*test' evaluate run --split tset
everywhere 2 'no valid split' evaluate run --split valid
wrong 1 'missing.h5' evaluate run --data missing.h5
everywhere 1 '(encoder|shape|32)' train "${small[@]}" --set model.encoder=32 --from run --out new
wrong 1 'no such file' train "${small[@]}" --from missing --out new
everywhere 2 'run.*(exists|already)' train "${small[@]}" --out run
wrong 2 'data.h5.*(exists|already)' train "${small[@]}" --out data.h5
wrong 1 'nowhere' sample run -o nowhere/new.png
wrong 1 'new.png|nowhere' reconstruct run -o nowhere/new.png
wrong 1 'data.h5' train "${small[@]}" --out data.h5/new

# --- import
import() { local c=$1 p=$2 && shift 2 && expect_fail "$c" "$p" launch 0 import idx "$@" -o new.h5; }
idx='idx-train-images'
labels='idx-train-labels'
head -c 300 $idx.gz >cut.gz
head -c 3000 $idx >short
{ head -c 16 $idx.gz && head -c 400 /dev/urandom && tail -c +417 $idx.gz; } >broken.gz
{ printf '\0\0\010\003\0\0\0\0\0\0\0\014\0\0\0\014'; } >none
{ printf '\0\0\010\003\0\0\0\012\0\0\0\0\0\0\0\014'; } >flat
{ cat $idx && echo more; } >longer
"${ELBOW_MAKE_IDX:?}" other 50 2
import 2 '--train' --test $idx
import 2 '--test' --train $idx
import 1 'missing.*no such file' --train missing --test $idx
import 1 'empty.*directory' --train empty --test $idx
import 1 'data.h5' --train data.h5 --test $idx
import 1 'none.*(no|0) ' --train none --test $idx
import 1 'flat' --train flat --test $idx
import 1 'cut.gz' --train cut.gz --test $idx
import 1 'short.*100.*20' --train short --test $idx
import 1 'broken.gz' --train broken.gz --test $idx
import 1 'longer' --train longer --test $idx
import 1 '(label|00000801|2049)' --train $labels --test $idx
import 1 '(image|00000803|2051)' --train $idx --train-labels $idx --test $idx
import 1 '100.*40|50.*100|100.*50' --train $idx --train-labels other-train-labels --test $idx
expect_fail 2 'missing' launch 0 import idx --train $idx --test $idx
expect_fail '1|2' 'data.h5.*(exists|--force)' launch 0 import idx --train $idx --test $idx -o data.h5
expect_fail 1 'nowhere' launch 0 import idx --train $idx --test $idx -o nowhere/new.h5
expect_fail 2 'belongs to no flag' launch 0 import idx $idx -o new.h5

# --- info and config
expect_fail 1 'missing' launch 0 info missing
expect_fail 1 'noise.h5' launch 0 info noise.h5
expect_fail 1 'data.h5' launch 0 info --digest data.h5
expect_fail 2 'range.ini' launch 0 config --check range.ini
