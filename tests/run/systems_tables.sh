# Tables: each config of configs/ that learns from one, on its real data, as its comment says; and latents of several
# kinds, of several layers, and other objectives.
# shellcheck source=tests/run/_systems.sh
. "$ELBOW_SOURCE/tests/run/_systems.sh"
join() { seq -s , "$@"; }
number='-?[0-9.]+(e[-+]?[0-9]+)?'

# --- row B: one of ten classes. No bound is below log 10, which the classes' frequencies reach as well; but only a latent
# that says which class it is makes the reconstruction cost less.
imported toy-classes
system toy toy-classes 800 data.file=classes.h5
field toy 'table, 1 column'
table toy class 'c[0-9]'
if [ -z "${ELBOW_SANITIZE:-}" ]; then
    quiet toy-evaluate launch 0 evaluate runs/toy --csv toy.csv
    echo "toy: -ELBO $(figure negative_elbo toy.csv), reconstruction $(figure negative_reconstruction toy.csv), log 10 = 2.3026"
    awk -v e="$(figure negative_elbo toy.csv)" -v r="$(figure negative_reconstruction toy.csv)" -v p="$(figure negative_log_p toy.csv)" \
        'BEGIN { exit !(e < 2.45 && r < 0.5 && p > 2.25 && p < e + 0.05) }' || { cat toy-evaluate.log >&2 && fail 'toy has not learned'; }
fi

# --- row B: gene sequences, by column. Unhurried, its config beats independent columns after minutes.
if again splice mushroom && need dna/splice.data.gz; then
    imported splice
    system splice splice 800 data.file=splice.h5 objective.beta=1 optimizer.learning_rate=3e-3
    learns splice 0.3
    field splice 'table, 60 columns: 60 categorical'
    table splice "$(join 60)" '([ACGT],){59}[ACGT]'
fi

# --- row B: the mushroom table
if need table/agaricus-lepiota.csv.gz; then
    imported mushroom
    system mushroom mushroom 100 data.file=mushroom.h5
    learns mushroom 2
    field mushroom 'table, 23 columns: 23 categorical'
    table mushroom "$(seq -f 'column%g' -s , 23)" '[ep],([a-z],){21}[a-z]'

    # Latents of two kinds, and draws counted by their importance: by the densities of relaxed ones.
    system mixed mushroom 60 data.file=mushroom.h5 'model.latent=categorical 5x4, gaussian 3' model.prior=learned \
        objective.bound=iwae objective.kl=relaxed estimator.samples=3 objective.beta=1
    learns mixed 0.5
    table mixed "$(seq -f 'column%g' -s , 23)" '[ep],([a-z],){21}[a-z]'
fi

# --- row C: the exact sum over z
if need table/nltcs.{train,valid,test}.csv.gz; then
    imported nltcs
    system nltcs nltcs 200 data.file=nltcs.h5 train.batch=50 optimizer.learning_rate=2e-2
    learns nltcs 2
    field nltcs 'table, 16 columns: 16 categorical'
    table nltcs "$(seq -f 'column%g' -s , 16)" '([01],){15}[01]'
fi
if again dna toy && need table/dna.{train,valid,test}.csv.gz; then
    imported dna
    system dna dna 120 data.file=dna.h5 'model.latent=categorical 1x16' optimizer.learning_rate=1e-2
    learns dna 0.5
    field dna 'table, 60 columns: 60 categorical'
    table dna "$(seq 3 3 180 | awk '{ printf "%scolumn%d..column%d", (NR > 1 ? "," : ""), $1 - 2, $1 }')" '((000|001|010|100),){59}(000|001|010|100)'
fi

# --- row E: two columns, and all of the table
if need table/segment.csv.gz; then
    imported softplus-two-columns
    system two softplus-two-columns 100 data.file=two-columns.h5
    learns two 4
    field two 'table, 2 columns: 0 categorical, 2 real'
    table two intensity-mean,hue-mean "$number,$number"

    imported softplus-segment
    if again segment two; then
        system segment softplus-segment 300 data.file=segment.h5 optimizer.learning_rate=3e-3
        learns segment 1.5
        field segment 'table, 19 columns: 0 categorical, 19 real'
        table segment "$(gzip -dc segment.csv.gz | head -n 1 | tr -d '\r' | sed 's/,class$//')" "($number,){18}$number"
    fi

    # Two layers of latents, with priors of their own.
    system hierarchy softplus-segment 200 data.file=segment.h5 'model.latent=gaussian 8 / gaussian 4' 'model.prior=learned / standard' \
        'model.encoder=64 / 32' 'model.decoder=64 / 32' optimizer.learning_rate=3e-3
    learns hierarchy 1
fi
done_or_skipped
