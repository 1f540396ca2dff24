# Text, biological sequences and molecules through the program: what it prints, and every mistake with its exit code,
# its one message and nothing left behind.
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

for ((i = 0; i < 50; i++)); do printf 'to be or not to be %d\n\n' $((i % 10)); done >text.txt
gzip -k text.txt
head -c 40 text.txt.gz >cut.gz
printf 'good\nnot caf\xe9\ngood\n\xff\n' >latin.txt
head -c 4096 /dev/zero >zeros.txt
printf '\xff\xd8\xff\xe0 picture \n' >picture.jpg
: >empty.txt
printf '\n\r\n\n' >blank.txt
printf 'abc\n' >abc.txt
printf 'abd\n' >abd.txt
mkdir folder
printf '>one\nACGT\nacgn\n>two\nTTTTRRRR\n>three\nACGTACGT\n' >dna.fa
printf '>one\nACGT\nAC\n>two\nTTTT\n>three\nACXT\n' >odd.fa
printf '+,a,\t\tacgt\n-,b,ttga\r\n+;c  aaaa\n-,d,cccn\n' >dna.txt
printf 'CC(=O)Cl ethanoyl\nC[nH+]C\nCBr\nC%%12C%%12\nCC\nCC\n' >molecules.smi
printf 'CC\nC?C\nC[NH\n' >bad.smi

# --- what is made
import text text.txt.gz
says '50 empty lines left out'
says 'train +40 examples'
says 'sequence, up to 21 tokens, 18 symbols, the first of them ends'
cp data.h5 lines.h5
import text text.txt
[ "$("$ELBOW" info data.h5 | grep checksum)" = "$("$ELBOW" info lines.h5 | grep checksum)" ] ||
    fail 'gzip and plain text gave different data'
import text text.txt --example window --window 8 --split 0.5,0.25,0.25
says 'sequence, up to 8 tokens, 18 symbols$'
import text text.txt --tokens words --vocabulary 4
says '4 words have symbols of their own'
says '<end> <unk> be to not or'
import text --train latin.txt --test abc.txt --skip-bad --tokens words
says '2 bad rows left out.*latin.txt:2'
import fasta --train dna.fa --test dna.fa
says 'table, 8 columns'
says 'categorical, 4: A C G T, or missing'
import fasta --train dna.fa --test odd.fa --ambiguous symbol --skip-bad
says 'sequence, up to 9 tokens, 7 symbols'
says 'lengths from 4 to 8'
import fasta --train dna.txt --test dna.txt --table class,name,x
says '4 examples, with labels'
says '2 classes: \+ -'
import smiles --train molecules.smi --test molecules.smi
says '<end> %12 \( \) = Br C Cl O \[nH\+\]'

# --- what cannot be
for format in text fasta smiles; do
    wrong 1 'folder: is a directory' $format folder
    wrong 1 'none: no such file' $format none
    wrong 1 'empty.txt: no example' $format empty.txt
    wrong 1 'blank.txt: no example' $format blank.txt
    wrong 1 'zeros.txt:1: a byte 0' $format zeros.txt
    wrong 1 'picture.jpg:1: .*--skip-bad' $format picture.jpg
    wrong 1 'cut.gz: .*cut short' $format cut.gz
    wrong 2 '--input text.txt|input' $format --split 0.5,0.2,0.3
    wrong 2 'given|splits' $format text.txt --train text.txt --test text.txt
    wrong 2 'add up to 1' $format text.txt --split 0.5,0.2,0.1
    wrong 2 'belongs to no flag' $format text.txt text.txt
    expect_fail 2 'is an input too' "${alone[@]}" import $format text.txt -o text.txt --force
done
wrong 1 'latin.txt:2: byte 0xE9 at its byte 8 is not UTF-8 \(2 bad rows in all\)' text latin.txt
wrong 1 'abd.txt:1: `d` in test does not occur' text --train abc.txt --test abd.txt
wrong 1 'no example for test' text --train abc.txt --test abd.txt --skip-bad
wrong 1 'text.txt:1: 20 symbols, and 5 are the most' text text.txt --longest 5
wrong 2 'did you mean .bytes' text text.txt --tokens byte
wrong 2 'give --window' text text.txt --example window
wrong 2 '--example window' text text.txt --window 8
wrong 2 '--cutoff is for words' text text.txt --cutoff 3
wrong 2 '--seed is for lines' text text.txt --example window --window 8 --seed 3
wrong 1 'odd.fa:7: `X` is no letter' fasta --train dna.fa --test odd.fa
wrong 1 'odd.fa:1: 6 symbols.*no table' fasta --train dna.fa --test odd.fa --as table
wrong 1 'dna.fa:3: `n` is ambiguous' fasta --train dna.fa --test dna.fa --ambiguous refuse
wrong 1 'dna.txt:1: .*--table' fasta dna.txt
wrong 1 'dna.txt:1: 3 fields, and --table says 2' fasta dna.txt --table name,x
wrong 2 'is no role' fasta dna.txt --table class,name,sequence
wrong 2 'protein' fasta dna.fa --alphabet proteins
wrong 1 'bad.smi:2: `\?` at its byte 2 is not SMILES \(2 bad rows in all\)' smiles bad.smi
wrong 2 'no flag|unknown' smiles molecules.smi --tokens words

# --- real files
folder=${ELBOW_TEST_DATA:-/nowhere}
[ -r "$folder/dna/splice.data.gz" ] || skip 'no real sequences (ELBOW_TEST_DATA); the rest passed'
import text "$folder/text/tinyshakespeare.txt.gz" --example window --window 64
says 'sequence, up to 64 tokens, 65 symbols'
import smiles "$folder/smiles/qm9.smi.gz" --split 0.9,0.05,0.05
says 'train +118,836 examples'
import fasta "$folder/dna/splice.data.gz" --table 'name,x*60,class'
says '3 classes: EI IE N'
says 'table, 60 columns'
import fasta "$folder/dna/promoters.data" --table class,name,x --as sequence
says 'sequence, up to 58 tokens, 5 symbols'
