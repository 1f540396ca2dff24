"""What elbow's headers document, written again in Python, and the model in PyTorch: what the oracle tests share.

Nothing here is taken from the library: streams are those of include/elbow/base/random.h, who sees what when that of
include/elbow/data/order.h, files those of include/elbow/store/*.h. So a test that agrees proves the documentation too.
"""

import gzip
import os
import subprocess
import sys

try:
    import h5py
    import numpy as np
    import torch
except ImportError as missing:
    print(f"skipped: {missing}; Debian has python3-h5py and python3-torch")
    sys.exit(77)

torch.set_num_threads(1)

M64 = (1 << 64) - 1
SHARD_NONE = M64


# ------------------------------------------------------------------------------------ streams (base/random.h)


def xxh64(data):
    """XXH64 with seed 0, from its specification."""
    p1, p2, p3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
    p4, p5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5

    def rotate(v, by):
        return (v << by | v >> (64 - by)) & M64

    def lane(accumulator, word):
        return rotate((accumulator + word * p2) & M64, 31) * p1 & M64

    def word(at, size):
        return int.from_bytes(data[at : at + size], "little")

    at = 0
    if len(data) >= 32:
        lanes = [(p1 + p2) & M64, p2, 0, -p1 & M64]
        while at + 32 <= len(data):
            lanes = [lane(v, word(at + 8 * i, 8)) for i, v in enumerate(lanes)]
            at += 32
        h = sum(rotate(v, by) for v, by in zip(lanes, (1, 7, 12, 18))) & M64
        for v in lanes:
            h = ((h ^ lane(0, v)) * p1 + p4) & M64
    else:
        h = p5
    h = (h + len(data)) & M64
    while at + 8 <= len(data):
        h = (rotate(h ^ lane(0, word(at, 8)), 27) * p1 + p4) & M64
        at += 8
    if at + 4 <= len(data):
        h = (rotate(h ^ word(at, 4) * p1 & M64, 23) * p2 + p3) & M64
        at += 4
    for byte in data[at:]:
        h = rotate(h ^ byte * p5 & M64, 11) * p1 & M64
    h = (h ^ h >> 33) * p2 & M64
    h = (h ^ h >> 29) * p3 & M64
    return h ^ h >> 32


def mix(v):
    """The finaliser of SplitMix64 on v + 0x9E3779B97F4A7C15."""
    v = (v + 0x9E3779B97F4A7C15) & M64
    v = (v ^ v >> 30) * 0xBF58476D1CE4E5B9 & M64
    v = (v ^ v >> 27) * 0x94D049BB133111EB & M64
    return v ^ v >> 31


def stream(seed, shard, purpose):
    key = mix(mix(mix(seed) ^ shard) ^ xxh64(purpose.encode()))
    return key & 0xFFFFFFFF, key >> 32


def philox(key, block, example, step):
    """Philox4x32-10 of the counter (block, example, step low, step high): arrays of words, shape (…, 4)."""
    low = np.uint64(0xFFFFFFFF)
    block, example = np.broadcast_arrays(np.asarray(block, np.uint64), np.asarray(example, np.uint64))
    x = [block & low, example & low]
    x += [np.full(block.shape, step & 0xFFFFFFFF, np.uint64), np.full(block.shape, step >> 32, np.uint64)]
    k0, k1 = key
    for _ in range(10):
        p, q = x[0] * np.uint64(0xD2511F53), x[2] * np.uint64(0xCD9E8D57)
        x = [q >> np.uint64(32) ^ x[1] ^ np.uint64(k0), q & low, p >> np.uint64(32) ^ x[3] ^ np.uint64(k1), p & low]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(x, axis=-1)


def rows(key, first_example, step, count, width, draw=0):
    """Words (count, width) of an example's draw: word w is lane w mod 4 of block w/4, behind those of the draws before."""
    blocks = (width + 3) // 4 * draw + np.arange((width + 3) // 4)
    words = philox(key, blocks[None, :], first_example + np.arange(count)[:, None], step)
    return words.reshape(count, -1)[:, :width]


def gumbel(words):
    return -np.log(-np.log((words.astype(np.float64) + 0.5) / 2.0**32))


# ------------------------------------------------------------------------------------------ order (data/order.h)


class Order:
    """N examples, S shards, batch B, shuffle = full."""

    def __init__(self, seed, shards, examples, batch):
        self.seed, self.shards, self.examples = seed, shards, examples
        self.steps = -(-examples // batch)
        counts = [-(-(examples - s) // shards) for s in range(shards)]
        self.slices = [(sum(counts[:s]), counts[s]) for s in range(shards)]
        self.epoch = None

    def permutation(self, shard, epoch):
        """One Fisher-Yates shuffle from the end, an index below i from 64 bits by multiplication, two a block."""
        count = self.slices[shard][1]
        words = philox(stream(self.seed, shard, "data.shuffle"), np.arange(count // 2 + 1), 0, epoch).reshape(-1, 2)
        bits = (int(low) | int(high) << 32 for low, high in words)
        values = list(range(count))
        for i in range(count, 1, -1):
            j = next(bits) * i >> 64
            values[i - 1], values[j] = values[j], values[i - 1]
        return values

    def batch(self, shard, step):
        """Indices into the training split that a shard takes in a global step, in its batch's order."""
        epoch, t = divmod(step, self.steps)
        if epoch != self.epoch:
            self.epoch = epoch
            self.permutations = [self.permutation(s, epoch) for s in range(self.shards)]
        begin, end = (u * self.examples // self.steps for u in (t, t + 1))
        first = self.slices[shard][0]
        return [first + self.permutations[shard][i // self.shards] for i in range(begin, end) if i % self.shards == shard]


# --------------------------------------------------------------------------------------------------- the program


def elbow(*arguments):
    """Runs the program; its output, or the test fails with its errors."""
    command = [os.environ["ELBOW"], *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(f"failed with {done.returncode}: {' '.join(command)}\n{done.stdout}")
    return done.stdout


def import_data(path):
    """Imports the real images of the first kind that is here, else generated ones; (name, train, test), the bytes as
    read from the IDX files, not from the imported one."""
    names = "{}/train-images-idx3-ubyte.gz", "{}/t10k-images-idx3-ubyte.gz"
    folders = []
    if os.environ.get("ELBOW_TEST_DATA"):
        folders.append(os.path.join(os.environ["ELBOW_TEST_DATA"], "mnist"))
    folders.append(os.environ.get("FASHION_MNIST", "/usr/share/datasets/fashion-mnist"))  # Debian's
    for folder in folders:
        files = [name.format(folder) for name in names]
        if all(os.access(file, os.R_OK) for file in files):
            break
    else:
        folder = "generated bars"
        subprocess.run([os.environ["ELBOW_MAKE_IDX"], "bars", "6000", "1"], check=True)
        files = ["bars-train-images.gz", "bars-test-images.gz"]
    elbow("import", "idx", "--train", files[0], "--test", files[1], "-o", path)
    splits = []
    for file in files:
        with gzip.open(file) as idx:
            header = np.frombuffer(idx.read(16), ">u4")
            splits.append(np.frombuffer(idx.read(), np.uint8).reshape(header[1], -1))
    return os.path.basename(folder), splits[0], splits[1]


# ----------------------------------------------------------------------------------------------- model, in PyTorch


def read_model(checkpoint):
    """{name: array} of /model."""
    with h5py.File(checkpoint, "r") as file:
        return {name: values[()] for name, values in file["model"].items()}


def linear(weights, name, x):
    return torch.nn.functional.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])


def layers(weights, name, x, activation):
    at, function = 0, getattr(torch, activation)
    while f"{name}.{at}.weight" in weights:
        x = function(linear(weights, f"{name}.{at}", x))
        at += 1
    return x


def posterior(weights, x, categories, activation="relu"):
    """log q (B, L, K) and KL to the uniform prior (B)."""
    logits = linear(weights, "posterior.0", layers(weights, "encoder", x, activation))
    log_q = torch.log_softmax(logits.reshape(len(x), -1, categories), -1)
    kl = (log_q.exp() * (log_q + np.log(categories))).sum((1, 2))
    return log_q, kl


def one_hot(y):
    return torch.nn.functional.one_hot(y.argmax(-1), y.shape[-1]).to(y.dtype)


def log_px(weights, z, x, activation="relu"):
    """Bernoulli log-likelihood from logits, per row."""
    l = linear(weights, "likelihood", layers(weights, "decoder", z.reshape(len(z), -1), activation))
    return (x * l - torch.nn.functional.softplus(l)).sum(-1)
