# What trained models make, of every kind of data: samples, reconstructions, traversals, interpolations; in words, units
# and lines, the same on any rank count; and what each kind refuses.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
for kind in table codes smiles text; do "${ELBOW_MAKE_FIELDS:?}" $kind $kind.h5 500; done
"${ELBOW_MAKE_IDX:?}" idx 500 1
"$ELBOW" import idx --train idx-train-images --train-labels idx-train-labels --test idx-test-images --test-labels idx-test-labels \
    -o images.h5 >import.log

# model NAME DATA LIKELIHOOD LATENT [ARGUMENT…]
model() {
    quiet "$1" launch 0 train "$ELBOW_SOURCE/configs/smoke.ini" --set data.file="$2.h5" --set model.likelihood="$3" \
        --set model.latent="$4" --set model.encoder=16 --set model.decoder=16 --set train.batch=50 --out "$1" "${@:5}"
}
model images images bernoulli 'categorical 3x4, gaussian 2'
model digits images bernoulli 'bernoulli 6' --set data.context=labels --set train.epochs=1
model table table table 'gaussian 3' --set train.epochs=10
model codes codes table 'categorical 3x4, bernoulli 2' --set data.context=labels --set train.epochs=10
model smiles smiles 'gru 16' 'categorical 3x4' --set train.epochs=10
model reals images gaussian 'gaussian 2' --set data.binarize=threshold --set train.epochs=1
model text text 'gru 16' 'categorical 4x3' --set train.epochs=2
lines() { [ "$(wc -l <"$1")" = "$2" ] || { head -n 20 "$1" >&2 && fail "$1 has $(wc -l <"$1") lines, not $2"; }; }

# --- every evaluation leaves samples and reconstructions
for run in table codes; do
    head -n 1 $run/pictures/samples-000000100.csv | grep -q 'colour,shape' || fail "no samples of $run"
    grep -q '^49,reconstruction,' $run/pictures/reconstructions-000000100.csv || fail "no reconstructions of $run"
done
lines codes/pictures/samples-000000100.csv 31 # ten for each of three labels, and a header
lines smiles/pictures/samples-000000100.txt 100
lines smiles/pictures/reconstructions-000000100.txt 150
grep -q '^---- 10$' text/pictures/samples-000000020.txt || fail 'no windows of text'
grep -q '^---- reconstruction of 9$' text/pictures/reconstructions-000000020.txt || fail 'no reconstructed windows'

# --- samples: the first of many are those of a few, on any rank count; the seed and the temperature matter
for ranks in 0 2; do quiet sample launch $ranks sample smiles -n 300 -o many-$ranks.txt; done
cmp many-0.txt many-2.txt || fail 'samples differ between rank counts'
launch 0 sample smiles -n 10 -o - >few.txt
cmp few.txt <(head -n 10 many-0.txt) || fail 'ten samples are not the first ten of 300'
launch 0 sample smiles -n 300 --seed 2 -o - | cmp -s - many-0.txt && fail 'another seed draws the same'
launch 0 sample smiles -n 300 --temperature 0.3 -o - | cmp -s - many-0.txt && fail 'another temperature draws the same'
quiet sample launch 0 sample table -n 50 -o table.csv
lines table.csv 51
grep -vqE '^(colour,shape,"weight, g"|(red|"green, dark"|blue),(round|"""odd"""),[0-9.]+)$' table.csv && fail 'words or units are others'
awk -F, 'NR > 1 { s += $NF } END { exit !(s / (NR - 1) > 110 && s / (NR - 1) < 190) }' table.csv || fail 'weights are not in their units'
launch 0 sample codes -n 9 --given 1 -o - >given.csv
[ "$(cut -d, -f1 given.csv | tr -d '\n')" = 'given111111111' ] || fail '--given is not given'
launch 0 sample codes -n 9 -o - >each.csv
[ "$(cut -d, -f1 each.csv | tr '\n' ' ')" = 'given 0 0 0 1 1 1 2 2 2 ' ] || fail 'labels are not given in turn'
grep -q '^2,blue' each.csv || fail 'the model does not heed what it is given'

# --- how good samples are: figures that sort and comm find too
launch 0 sample smiles -n 300 --quality >quality.txt
figure() { sed -n "s/^  $1 *\([0-9]*\) .*/\1/p" quality.txt | head -n 1; }
launch 0 reconstruct smiles --split train -n 500 -o - | awk 'NR % 3 == 1' | sort -u >known.txt
[ "$(figure distinct)" = "$(sort -u many-0.txt | wc -l)" ] || fail "$(cat quality.txt)"
[ "$(figure novel)" = "$(sort -u many-0.txt | comm -23 - known.txt | wc -l)" ] || fail "$(cat quality.txt)"
grep -q 'valid' quality.txt || fail 'molecules are not told by their symbols'
launch 0 sample codes -n 100 --quality | grep -q 'none of 500 training examples' || fail 'no quality of codes'
launch 0 sample text -n 10 --quality | grep -q valid && fail 'a text is taken for molecules'

# --- reconstructions, and walks that begin and end at them
launch 0 reconstruct smiles -n 8 -o - >pairs.txt
made() { sed -n "$((3 * $1 + 2))p" pairs.txt; }
for ranks in 0 2; do quiet walk launch $ranks interpolate smiles --from 1 --to 6 -n 5 -o way-$ranks.txt; done
cmp way-0.txt way-2.txt || fail 'ways differ between rank counts'
lines way-0.txt 7
[ "$(cut -f1 way-0.txt | tr '\n' ' ')" = 'from 0 0.25 0.5 0.75 1 to ' ] || fail 'the steps are others'
[ "$(sed -n 2p way-0.txt | cut -f2)" = "$(made 1)" ] || fail 'the way does not begin at the reconstruction'
[ "$(sed -n 6p way-0.txt | cut -f2)" = "$(made 6)" ] || fail 'the way does not end at the reconstruction'
[ "$(sed -n 7p way-0.txt | cut -f2)" = "$(sed -n 19p pairs.txt)" ] || fail 'the way does not end in the original'
launch 0 traverse smiles --example 6 -o - >traverse.txt
lines traverse.txt 12
for latent in 0 1 2; do
    grep -P "^$latent\t" traverse.txt | cut -f3 | grep -qxF -- "$(made 6)" || fail "latent $latent at its own value makes something else"
done
launch 0 traverse smiles --example 6 --latent 1 -o - | cmp - <(sed -n 5,8p traverse.txt) || fail 'one latent is not its row of all'
launch 0 traverse table --range -1:1 -n 3 -o - >gaussian.csv
[ "$(cut -d, -f1,2 gaussian.csv | tr '\n' ' ')" = 'latent,value 0,-1 0,0 0,1 1,-1 1,0 1,1 2,-1 2,0 2,1 ' ] || fail 'the range is another'
launch 0 traverse codes -o - >codes.csv
lines codes.csv 17 # 3 × 4 + 2 × 2, and a header
launch 0 interpolate table --from 0 --to 3 -n 2 -o - >way.csv
lines way.csv 5
launch 0 traverse text --latent 3 -o - | grep -q '^---- 3, latent 3, value 2$' || fail 'windows do not say what was set'

# --- pictures
if ls images/pictures/*.png >/dev/null 2>&1; then
    for what in 'sample digits --given 3 -n 4' 'sample digits -n 20 --temperature 1' 'reconstruct images -n 3' 'traverse images' \
        'interpolate digits --from 0 --to 1 -n 2'; do
        # shellcheck disable=SC2086
        quiet picture launch 0 $what -o picture.png
        [ "$(head -c 4 picture.png | od -An -tx1)" = ' 89 50 4e 47' ] || fail "$what: no picture"
        rm picture.png
    done
fi

# --- mistakes
wrong() { expect_fail "$1" "$2" launch 0 "${@:3}"; }
wrong 2 '-o FILE, or --quality' sample smiles
expect_fail 2 'x.csv.*.txt' launch 2 sample smiles -o x.csv
wrong 2 '--temperature.*-1' sample smiles --temperature -1 -o x.txt
wrong 2 '--given.*nothing but z.*data.context' sample smiles --given 1 -o x.txt
wrong 2 '--given.*`11`.*3 labels' sample codes --given 11 -o x.csv
wrong 2 'weight, g.*real.*--quality' sample table --quality
wrong 2 '--temperature 1' sample images --quality
wrong 2 'real values.*--quality' sample reals --quality --temperature 1 -o refused.png
[ ! -e refused.png ] || fail 'what cannot be counted is made before it is refused'
wrong 2 '--smiles' sample codes --quality --smiles
wrong 2 '--quality' sample smiles --smiles -o x.txt
wrong 2 'tset.*test' reconstruct smiles --split tset -o x.txt
wrong 2 '--latent 3.*0 to 2' traverse smiles --latent 3 -o x.txt
wrong 2 '--range.*Gaussian' traverse smiles --range 0:1 -o x.txt
wrong 2 '--range.*A:B' traverse table --range 3 -o x.csv
wrong 2 '--range.*x' traverse table --range x:3 -o x.csv
wrong 2 '--from I and --to J' interpolate smiles --from 1 -o x.txt
wrong 2 '--to 100.*0 to 99' interpolate smiles --from 1 --to 100 -o x.txt
wrong 2 '-n.*2' interpolate smiles --from 1 --to 2 -n 1 -o x.txt
wrong 1 'nowhere' sample smiles -o nowhere/x.txt
for command in sample reconstruct traverse interpolate; do
    "$ELBOW" $command --help | grep -q "^  elbow $command runs/.* -o " || fail "$command --help has no example"
done
