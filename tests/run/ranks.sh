# A run's bits depend on its config, its data and its seed: not on the ranks that computed it.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
data

# across NAME "P P…" SETTING…: one run for each P; weights and metrics must be the same.
across() {
    local name=$1 ranks=$2 first='' p settings=()
    shift 2
    for p in "$@"; do settings+=(--set "$p"); done
    for p in $ranks; do
        quiet train launch "$p" train "${small[@]}" "${settings[@]}" --out "$name-$p"
        if [ -n "$first" ]; then same "$first" "$name-$p"; fi
        first=${first:-$name-$p}
    done
    echo "$name: $(digest "$first") on $ranks ranks"
}

across s4 '1 2 3 4' parallel.shards=4
rows s4-1 | grep 'noise_scale=0x' >/dev/null || fail 'no row has a noise scale'
grep -q 'gradient noise scale .*[0-9,]* examples' train.log || { cat train.log >&2 && fail 'it does not say the noise scale'; }
across s5 '1 2 3 4 5' parallel.shards=5
differ s4-1 s5-1 'the shard count defines a run'

# As if this machine were several nodes: 4, 3 of them uneven, 2, 2 uneven and 1 for the default above; and messages
# alone. The exchange of a cluster, but for the cables.
groups() {
    local name=$1 ranks=$2
    shift 2
    quiet train launch "$ranks" train "${small[@]}" --set parallel.shards=5 "$@" --out "$name"
    same s5-1 "$name"
}
groups groups-4 4 --set parallel.node_ranks=1
groups groups-3 5 --set parallel.node_ranks=2
groups groups-2 4 --set parallel.node_ranks=2
groups groups-uneven 3 --set parallel.node_ranks=2
groups messages 3 --set parallel.replica=rank

# Without mpirun is one rank; without parallel.shards, the rank count is the shard count.
quiet train launch 0 train "${small[@]}" --set parallel.shards=4 --out s4-alone
same s4-1 s4-alone
quiet train launch 4 train "${small[@]}" --out s4-by-ranks
same s4-1 s4-by-ranks
quiet train launch 2 train "${small[@]}" --set parallel.shards=4 --set run.seed=2 --out other-seed
differ s4-1 other-seed 'the seed is another'

# Nothing divides: not the batch by the shards, nor the examples by the batch.
across ragged '1 3 4' parallel.shards=5 data.limit=1003 train.batch=97 train.epochs=2
across straight-through '1 3' parallel.shards=4 estimator.name=straight-through-gumbel
differ s4-1 straight-through-1 'the estimator is another'
across rao '1 3' parallel.shards=4 estimator.name=gumbel-rao optimizer.name=radam
across reinforce '2 3' parallel.shards=4 estimator.name=reinforce estimator.samples=2 optimizer.name=sgd
across arsm '1 3' parallel.shards=4 estimator.name=arsm train.epochs=1
across relax '1 3' parallel.shards=4 estimator.name=relax estimator.hidden=20
across layers '1 2' parallel.shards=4 estimator.name=rebar 'model.latent=bernoulli 12 / bernoulli 8' model.prior=learned train.epochs=1
across everything '1 2 3' parallel.shards=5 data.binarize=dynamic data.shuffle=window data.window=2 \
    optimizer.clip_norm=1 objective.free_bits=0.1 optimizer.weight_decay=0.01 estimator.samples=2 data.limit=1003 \
    train.batch=97 'objective.beta=linear 0 1 steps=20' 'optimizer.learning_rate=cosine 3e-3 1e-4 warmup=5'
across threshold '1 2' parallel.shards=4 data.binarize=threshold train.epochs=1
