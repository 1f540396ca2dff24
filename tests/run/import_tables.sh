# Tables, arrays and pictures through the program: what it prints, and every mistake with its exit code, its one message
# and nothing left behind.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"

# import ARGUMENT…: to data.h5, and what it said in import.log.
import() { quiet import "${alone[@]}" import "$@" -o data.h5 --force; }
says() { grep -qE -- "$1" import.log || { cat import.log >&2 && fail "no \"$1\" in what it said"; }; }
wrong() {
    local code=$1 pattern=$2
    shift 2
    expect_fail "$code" "$pattern" "${alone[@]}" import "$@" -o new.h5
}
sum() { "$ELBOW" info data.h5 | grep checksum; }

# npy FILE TYPE SHAPE BYTES: as numpy.save writes it.
npy() {
    local header="{'descr': '$2', 'fortran_order': False, 'shape': $3, }"
    printf "\\223NUMPY\\001\\000\\x$(printf %02x ${#header})\\000%s$4" "$header" >"$1"
}

for ((i = 0; i < 100; i++)); do echo "$((i % 3)),$((i * 7 % 50)).5,$( ((i % 9)) && echo "w$((i % 5))" || echo '?'),k$((i % 2))"; done >body.csv
{ echo 'few,real,word,"the class"' && cat body.csv; } >table.csv
tr , '\t' <table.csv >table.tsv
gzip -k table.csv
head -c 200 table.csv.gz >cut.gz
sed '7s/,/,,/;9s/.*/1/' table.csv >ragged.csv
sed '8s/$/,"open/' table.csv >open.csv
head -c 4096 /dev/zero >zeros.csv
printf '\211PNG\r\n\032\n picture' >picture.png
: >empty.csv
mkdir folder
npy x.npy '|u1' '(10, 2, 3)' "$(printf 'abcdef%.0s' {1..10})"
npy y.npy '|u1' '(10,)' '\001\002\001\002\001\002\001\002\001\002'
npy short.npy '<f4' '(3, 2)' 'abcd'
npy strings.npy '<U4' '(1,)' 'abcdefghijklmnop'

# --- what is made
import csv table.csv --label 'the class'
says 'train +80 examples, with labels'
says 'table, 3 columns: 2 categorical, 1 real'
says 'few +categorical, 3: 0 1 2'
says 'word +categorical, 5: w0 w1 w2 w3 w4, or missing'
plain=$(sum)
import csv table.csv.gz --label 4
[ "$(sum)" = "$plain" ] || fail 'gzip and plain tables gave different data'
import csv table.tsv --label 4
[ "$(sum)" = "$plain" ] || fail 'TSV and CSV gave different data'
import csv table.csv --label 4 --seed 2
[ "$(sum)" != "$plain" ] || fail 'another seed cut alike'
import csv body.csv --real 1 --context 3-4
says 'context +table, 2 columns: 2 categorical'
says 'column1 +real'
import csv --train ragged.csv --test table.csv --skip-bad
says '2 bad rows left out; the first: ragged.csv:7'
says 'train +98 examples'
import npy x.npy --labels y.npy
says 'image, 2 x 3'
says '2 classes: 1 2'
import npy x.npy --shape 3x2
says 'image, 3 x 2'
mv data.h5 other.h5
import hdf5 other.h5 --train-x train/x --test-x test/x --shape 3x2
says 'image, 3 x 2'

# --- what cannot be
for format in csv npy; do
    wrong 1 'folder: is a directory' $format folder
    wrong 1 'none: no such file' $format none
    wrong 1 'empty.csv: .*(nothing in it|an empty file)' $format empty.csv
    wrong 1 'zeros.csv' $format zeros.csv
    wrong 1 'picture.png: .* looks like a PNG picture' $format picture.png
    wrong 1 'cut.gz' $format cut.gz
    wrong 2 'add up to 1' $format table.csv --split 0.5,0.2,0.1
done
wrong 1 'ragged.csv:7: 5 cells in a table of 4 columns \(2 bad rows in all\).*--skip-bad' csv ragged.csv
wrong 1 'open.csv:8: ' csv open.csv
wrong 2 'no column `clas`' csv table.csv --label clas
wrong 2 'did you mean `the class`' csv table.csv --label 'the clas'
wrong 2 'give numbers from 1 to 4' csv body.csv --label class
wrong 2 'cannot be joined 3 by 3' csv table.csv --join 3
wrong 2 '--separator. is near' csv table.csv --seperator ,
wrong 1 'column `word`: `w1` is no number' csv table.csv --real word
wrong 1 'short.npy: its header says 3 examples and it ends after 0' npy short.npy
wrong 1 'strings.npy: elements of type' npy strings.npy
wrong 1 '(10, 2, 3)' npy x.npy --labels x.npy
wrong 2 'it has .*/train/x \(8, 2, 3\)|it has .*/train/x ' hdf5 other.h5 --x examples
wrong 1 'table.csv: ' hdf5 table.csv --x x
wrong '1|2' '(no .png picture|without libpng)' png folder
wrong '1|2' '(not a folder|without libpng)' png table.csv

# --- real files
folder=${ELBOW_TEST_DATA:-/nowhere}/table
[ -r "$folder/segment.csv.gz" ] || skip 'no real tables (ELBOW_TEST_DATA); the rest passed'
import csv "$folder/segment.csv.gz" --label class
says 'table, 19 columns: 0 categorical, 19 real'
says 'region-pixel-count. is constant \(9\)'
import csv "$folder/agaricus-lepiota.csv.gz" --header no
says 'table, 23 columns: 23 categorical'
import csv --train "$folder/nltcs.train.csv.gz" --valid "$folder/nltcs.valid.csv.gz" --test "$folder/nltcs.test.csv.gz"
says 'train +16,181 examples'
says 'table, 16 columns: 16 categorical'
import csv --train "$folder/dna.train.csv.gz" --test "$folder/dna.test.csv.gz" --join 3
says 'table, 60 columns: 60 categorical'
