# elbow score: the same on any rank count, ranked on the terminal, in the order of the split in the file.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
synthetic data.h5 2000 1
quiet run launch 0 train "${small[@]}" --set train.epochs=6 --set data.limit=2000 --set data.binarize=threshold --out run

for samples in 1 10; do
    for ranks in 0 2 3; do
        launch $ranks score run --samples $samples -o scores-$ranks.csv >scores-$ranks.txt
        cmp scores-0.csv scores-$ranks.csv || fail "scores differ on $ranks ranks"
        cmp <(grep -v '\.csv' scores-0.txt) <(grep -v '\.csv' scores-$ranks.txt) || fail "what is printed differs on $ranks ranks"
    done
    mv scores-0.csv scores-of-$samples.csv && mv scores-0.txt scores-of-$samples.txt
done
head -n 1 scores-of-1.csv | grep -qx 'index,score,label' || fail 'no header'
[ "$(wc -l <scores-of-1.csv)" = 401 ] || fail 'not one row an example'
cut -d, -f1 scores-of-1.csv | tail -n +2 | cmp -s - <(seq 0 399) || fail 'not in the order of the split'

# The mean is that of evaluate, and the most surprising is the largest.
mean() { awk -F, 'NR > 1 { s += $2; n++ } END { printf "%.2f", s / n }' "$1"; }
launch 0 evaluate run --samples 10 --csv figures.csv >/dev/null
[ "$(mean scores-of-10.csv)" = "$(printf %.2f "$(sed -n 's/^negative_iwae,//p' figures.csv)")" ] || fail 'another mean than evaluate'
top=$(tail -n +2 scores-of-10.csv | sort -t, -k2,2 -gr | sed -n 1p | cut -d, -f1)
grep -A 2 'most surprising' scores-of-10.txt | tail -n 1 | grep -qE "^ +1 +$top " || { cat scores-of-10.txt >&2 && fail "the first is not $top"; }
grep -q '####' scores-of-10.txt || fail 'no histogram'
[ "$(launch 0 score run --samples 1 --top 3 | grep -cE '^ +[0-9]+ +[0-9]+ ')" = 3 ] || fail '--top 3 does not list 3'

expect_fail 2 'give one RUN' "${alone[@]}" score
expect_fail 2 'samples' "${alone[@]}" score run --samples 0
expect_fail '1|2' 'no valid split' "${alone[@]}" score run --split valid
expect_fail 1 'nowhere' "${alone[@]}" score run --samples 1 -o nowhere/scores.csv
