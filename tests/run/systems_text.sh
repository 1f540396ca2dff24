# Sequences: each config of configs/ that learns from them, on its real data, as its comment says, only less of it.
# shellcheck source=tests/run/_systems.sh
. "$ELBOW_SOURCE/tests/run/_systems.sh"

# --- row C: molecules
if need smiles/qm9.smi.gz; then
    shortened qm9.smi.gz 2000
    imported qm9
    system qm9 qm9 40 data.file=qm9.h5 train.batch=32 'model.likelihood=gru 128' optimizer.learning_rate=1e-2 objective.beta=1
    learns qm9 4
    field qm9 'sequence, up to 2[0-9] tokens, 1[0-9] symbols'
    quiet qm9 launch 2 sample runs/qm9 -n 40 -o molecules.txt
    holds molecules.txt '([]#()=CFNOHcno+-]|\[|[0-9])*' 40
    launch 0 sample runs/qm9 -n 40 --quality >quality.txt
    grep -q 'valid' quality.txt || { cat quality.txt >&2 && fail 'nothing is said of validity'; }

    # A causal Transformer writes them; the KL by densities of the relaxed draws, warmed up; dropout in the encoder.
    system transformer qm9 40 data.file=qm9.h5 train.batch=32 optimizer.learning_rate=1e-2 'model.likelihood=transformer 2x32x4' model.embedding=32 \
        'model.encoder=embed 16 gru 32 dropout 0.2' objective.kl=relaxed 'objective.beta=linear 0 1 steps=20'
    learns transformer 2
    quiet transformer launch 0 sample runs/transformer -n 10 -o molecules.txt
    holds molecules.txt '([]#()=CFNOHcno+-]|\[|[0-9])*' 10
fi

# --- row C: windows of text
if need text/tinyshakespeare.txt.gz; then
    { gzip -dc tinyshakespeare.txt.gz || true; } 2>/dev/null | head -c 60000 >some
    rm tinyshakespeare.txt.gz
    gzip some && mv some.gz tinyshakespeare.txt.gz
    imported shakespeare
    system shakespeare shakespeare 40 data.file=shakespeare.h5 train.batch=16 'model.likelihood=gru 64' optimizer.learning_rate=1e-2
    learns shakespeare 15
    field shakespeare 'sequence, up to 64 tokens, [56][0-9] symbols'
    quiet shakespeare launch 2 sample runs/shakespeare -n 3 -o windows.txt
    for i in 1 2 3; do grep -qx -e "---- $i" windows.txt || { cat windows.txt >&2 && fail "no window $i"; }; done
    # Every symbol is one of the text's.
    grep -v '^---- [0-9]*$' windows.txt | fold -w 1 | sort -u | comm -23 - <(gzip -dc tinyshakespeare.txt.gz | fold -w 1 | sort -u) >odd
    [ ! -s odd ] || { cat odd >&2 && fail 'symbols that the text has not'; }
fi
done_or_skipped
