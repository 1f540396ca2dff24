# Images: the Gaussian and the convolutional configs on a few of their real images, and a conditional model. Those of
# row A are in row_a.sh.
# shellcheck source=tests/run/_systems.sh
. "$ELBOW_SOURCE/tests/run/_systems.sh"

# --- row D: a Gaussian VAE on bits
if need binarized-mnist/{train,valid,test}-images-idx3-ubyte.gz; then
    fewer train-images-idx3-ubyte.gz 2000
    for split in valid test; do fewer $split-images-idx3-ubyte.gz 256; done
    imported gaussian-mnist
    system gaussian gaussian-mnist 100 data.file=binarized-mnist.h5 train.batch=50 objective.beta=1 optimizer.learning_rate=3e-3
    learns gaussian 15
    field gaussian 'image, 28 x 28, values 0 to 1'
    if pictures gaussian; then
        picture gaussian sample runs/gaussian -n 16
        picture gaussian reconstruct runs/gaussian -n 4
        picture gaussian traverse runs/gaussian --latent 3 -n 4
    fi
    rm -f ./*ubyte.gz
fi

if need mnist/{train,t10k}-{images-idx3,labels-idx1}-ubyte.gz; then
    for what in images-idx3 labels-idx1; do
        fewer train-$what-ubyte.gz 1000
        fewer t10k-$what-ubyte.gz 128
    done

    # --- convolutions; Gaussian latents are of use sooner
    imported conv-mnist
    system conv conv-mnist 100 data.file=mnist.h5 train.batch=20 optimizer.learning_rate=5e-3 data.binarize=threshold \
        'model.latent=gaussian 16' model.prior=standard estimator.name=pathwise
    learns conv 5
    field conv 'image, 28 x 28, values 0 to 255'
    if pictures conv; then picture conv sample runs/conv -n 4; fi

    # --- digits, given which: dropout each way
    quiet labels "$ELBOW" import idx --train train-images-idx3-ubyte.gz --train-labels train-labels-idx1-ubyte.gz \
        --test t10k-images-idx3-ubyte.gz --test-labels t10k-labels-idx1-ubyte.gz -o labels.h5
    system conditional gaussian-mnist 100 data.file=labels.h5 data.context=labels data.binarize=dynamic train.batch=50 \
        'model.encoder=128 dropout 0.1' 'model.decoder=128' 'model.latent=bernoulli 10, gaussian 4' estimator.name=gumbel-softmax \
        objective.beta=1 optimizer.learning_rate=3e-3
    learns conditional 5
    "$ELBOW" info runs/conditional/checkpoints/best.h5 | grep -A 1 -E '^  given  *table, 1 column' | grep -q 'label .*categorical, 10' || fail 'info does not say what is given'
    if pictures conditional; then
        picture conditional sample runs/conditional --given 3 -n 4
        quiet given launch 0 sample runs/conditional --given 3 -n 4 -o three.png
        quiet given launch 2 sample runs/conditional --given 3 -n 4 -o again.png
        quiet given launch 0 sample runs/conditional --given 1 -n 4 -o one.png
        cmp three.png again.png || fail 'samples of a digit differ between rank counts'
        if cmp -s three.png one.png; then fail 'the model does not heed what it is given'; fi
    fi
fi
done_or_skipped
