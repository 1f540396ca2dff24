"""The gradient estimators in PyTorch beside the program: one step of a small VAE, the same weights, batch and noise.

PyTorch differentiates each estimator as its paper writes it (a surrogate, in float64, with stop-gradients), and the program's gradient
is what one step of plain descent at rate 1 took off the weights. They must agree to float's rounding, tensor by tensor.
"""

import os
import shutil

import numpy as np
import torch

import _elbow
from _elbow import h5py  # noqa: F401  (skips without it)

BATCH, LIMIT, SHARDS, SEED = 24, 240, 2, 5
VARIABLES, CATEGORIES, BITS = 6, 5, 9
TEMPERATURE, GAP, CONDITIONAL = 0.8, 0.6, 4
NEAR = 1e-5  # of a tensor's largest gradient
SCORED = 5e-4  # the same where it goes by differences of log p(x|z): a few nats, of some 500 in float
TIE = 1e-5  # between the two largest of log q + g: nearer ones float may choose otherwise


def train(name, latent, samples, bound):
    """The weights before, and the gradient of −objective."""
    out = f"run-{name}-{latent.split()[0]}"
    _elbow.elbow(
        "train", f"{os.environ['ELBOW_SOURCE']}/configs/categorical-mnist.ini", "--out", out,
        *(word for key, value in {
            "data.file": "data.h5", "data.limit": LIMIT, "run.seed": SEED, "parallel.shards": SHARDS,
            "model.encoder": "32 16", "model.decoder": "16 32", "model.activation": "tanh", "model.latent": latent,
            "estimator.name": name, "estimator.samples": samples, "estimator.temperature": TEMPERATURE,
            "objective.bound": bound, "optimizer.name": "sgd", "optimizer.momentum": 0, "optimizer.learning_rate": 1,
            "train.batch": BATCH, "train.epochs": 0, "train.steps": 1, "train.pictures": "no",
            "checkpoint.keep": 9, "checkpoint.every_steps": 1,
            **({"estimator.gap": GAP} if name == "gapped-straight-through" else {}),
            **({"estimator.conditional": CONDITIONAL} if name == "gumbel-rao" else {}),
        }.items() for word in ("--set", f"{key}={value}")),
    )  # fmt: skip
    before, after = (_elbow.read_model(f"{out}/checkpoints/step-{step:09}.h5") for step in (0, 1))
    shutil.rmtree(out)
    return before, {key: before[key].astype(np.float64) - after[key] for key in before}


def words(counts, purpose, width, draw=0):
    """Of a step's examples, shard after shard: (B, width)."""
    drawn = [_elbow.rows(_elbow.stream(SEED, s, purpose), 0, 0, n, width, draw) for s, n in enumerate(counts)]
    return np.concatenate(drawn).astype(np.int64)


def uniforms(counts, purpose, width, draw=0):
    return torch.tensor((words(counts, purpose, width, draw) + 0.5) / 2.0**32)


class Model:
    """q as logits (B, L, K), of bits those of 1 and 0; and what a score is made of."""

    def __init__(self, initial, x, counts, bits):
        self.weights = {k: torch.tensor(v, dtype=torch.float64, requires_grad=True) for k, v in initial.items()}
        self.x, self.counts, self.bits = x, counts, bits
        heads = _elbow.linear(self.weights, "posterior.0", _elbow.layers(self.weights, "encoder", x, "tanh"))
        self.logits = torch.stack([heads, 0 * heads], -1) if bits else heads.reshape(len(x), VARIABLES, CATEGORIES)
        self.log_q = torch.log_softmax(self.logits, -1)
        self.kl = (self.log_q.exp() * (self.log_q + np.log(self.logits.shape[-1]))).sum((1, 2))
        self.tie = np.inf

    def noise(self, draw=0, purpose="", swap=False):
        """Gumbels (B, L, K); of bits −log of what is exponential only up to a factor: log u and log (1 − u)."""
        stream = ("latent.0.logistic" if self.bits else "latent.0.gumbel") + purpose
        u = uniforms(self.counts, stream, BITS if self.bits else VARIABLES * CATEGORIES, draw)
        if not self.bits:
            return -torch.log(-torch.log(u)).reshape(self.logits.shape)
        pair = [torch.log(u), torch.log1p(-u)]
        return torch.stack(pair[::-1] if swap else pair, -1)

    def hard(self, noise):
        values = (self.log_q + noise).detach()
        top = values.topk(2, -1).values
        self.tie = min(self.tie, float((top[..., 0] - top[..., 1]).min()))
        return _elbow.one_hot(values)

    def log_px(self, z):
        return _elbow.log_px(self.weights, z[..., 0] if self.bits else z, self.x, "tanh")

    def log_q_of(self, z):
        return (z * self.log_q).sum((1, 2))


def through(surrogate, z):
    return z + (surrogate - surrogate.detach())


def relaxed(m):
    soft = torch.softmax((m.log_q + m.noise()) / TEMPERATURE, -1)
    return m.log_px(soft) - m.kl


def hard_relaxed(m):
    noise = m.noise()
    return m.log_px(through(torch.softmax((m.log_q + noise) / TEMPERATURE, -1), m.hard(noise))) - m.kl


def straight_through(m):
    return m.log_px(through(torch.softmax(m.logits / TEMPERATURE, -1), m.hard(m.noise()))) - m.kl


def reinmax(m):
    """Algorithm 2 of Liu et al. 2023."""
    z, pi = m.hard(m.noise()), torch.softmax(m.logits, -1)
    middle = (z + torch.softmax(m.logits / TEMPERATURE, -1)) / 2
    middle = torch.softmax((middle.log() - m.logits).detach() + m.logits, -1)
    return m.log_px(through(2 * middle - pi / 2, z)) - m.kl


def gapped(m):
    """Fan et al. 2022, equations 5 to 7: what was drawn is brought up to the largest, the others are held below it."""
    z = m.hard(m.noise())
    largest = m.logits.max(-1, keepdim=True).values
    up = (largest - m.logits) * z
    down = torch.relu(m.logits + GAP - largest) * (1 - z)
    return m.log_px(through(torch.softmax((m.logits + (up - down).detach()) / TEMPERATURE, -1), z)) - m.kl


def rao(m):
    """Gumbels given their argmax by way of exponentials, as Paulus et al. 2021, appendix: of K categories."""
    z, mean = m.hard(m.noise()), 0
    for draw in range(CONDITIONAL):
        given = words(m.counts, "latent.0.gumbel.given", VARIABLES * CATEGORIES, draw)
        near = ((given >> 1) + 0.5) / 2.0**32  # to 0, or by the last bit to 1
        e = torch.tensor(-np.where(given & 1, np.log1p(-near), np.log(near))).reshape(m.logits.shape)
        first = (e * z).sum(-1, keepdim=True)
        moved = torch.where(z > 0, -first.log(), -(e / m.log_q.exp() + first).log())
        mean = mean + torch.softmax((m.logits + (moved - m.logits).detach()) / TEMPERATURE, -1) / CONDITIONAL
    return m.log_px(through(mean, z)) - m.kl


def reinforce(m, samples=3):
    draws = [m.hard(m.noise(s)) for s in range(samples)]
    f = torch.stack([m.log_px(z) for z in draws])
    apart = (f - (f.sum(0) - f) / (samples - 1)).detach()
    return f.mean(0) + (apart * torch.stack([m.log_q_of(z) for z in draws])).mean(0) - m.kl


def vimco(m, samples=3):
    draws = [m.hard(m.noise(s)) for s in range(samples)]
    log_q = torch.stack([m.log_q_of(z) for z in draws])
    log_w = torch.stack([m.log_px(z) for z in draws]) - log_q - m.logits.shape[1] * np.log(m.logits.shape[-1])
    bound = torch.logsumexp(log_w, 0) - np.log(samples)
    signals = []
    for s in range(samples):
        others = log_w.clone()
        others[s] = (log_w.sum(0) - log_w[s]) / (samples - 1)
        signals.append(bound - torch.logsumexp(others, 0) + np.log(samples))
    return bound + (torch.stack(signals).detach() * log_q).sum(0)


def pairs(m, slope, samples=4):
    """Antithetic pairs of bits; slope(u, l, b − b̃)."""
    total, l = 0, m.logits[..., 0]
    for draw in range(0, samples, 2):
        z, other = m.hard(m.noise(draw)), m.hard(m.noise(draw, swap=True))
        f, g = m.log_px(z), m.log_px(other)
        by = slope(torch.exp(m.noise(draw)[..., 0]), l, z[..., 0] - other[..., 0])
        total = total + (f + g) / samples + (((f - g)[:, None] * by).detach() * l).sum(1) * 2 / samples
    return total - m.kl


def disarm(m):
    return pairs(m, lambda u, l, apart: apart * torch.sigmoid(l.abs()) / 2)


def arm(m):
    return pairs(m, lambda u, l, apart: u - 0.5)


def arsm(m):
    """Yin, Yue & Zhou 2019, algorithm 1: every swap evaluated."""
    noise, K = m.noise(), m.logits.shape[-1]
    e = torch.exp(-noise)
    pi = torch.stack([1 - torch.exp(noise[..., 0]), torch.exp(noise[..., 0])], -1) if m.bits else e / e.sum(-1, keepdim=True)
    f = [[None] * K for _ in range(K)]
    for c in range(K):
        for j in range(c + 1):
            swapped = noise.clone()
            swapped[..., c], swapped[..., j] = noise[..., j], noise[..., c]
            f[c][j] = f[j][c] = m.log_px(m.hard(swapped)).detach()
    f = torch.stack([torch.stack(row, -1) for row in f], -2)  # (B, c, j)
    slope = torch.einsum("bcj,blj->blc", f - f.mean(1, keepdim=True), 1 - K * pi) / K
    return m.log_px(m.hard(noise)) + (slope * m.logits).sum((1, 2)) - m.kl


CATEGORIES_AND_BITS = [
    ("gumbel-softmax", relaxed, 1), ("straight-through-gumbel", hard_relaxed, 1),
    ("straight-through", straight_through, 1), ("reinmax", reinmax, 1), ("gapped-straight-through", gapped, 1),
    ("reinforce", reinforce, 3), ("vimco", vimco, 3), ("arsm", arsm, 1),
]  # fmt: skip
CASES = (
    [(*case, False) for case in CATEGORIES_AND_BITS] + [("gumbel-rao", rao, 1, False)]
    + [(*case, True) for case in CATEGORIES_AND_BITS] + [("disarm", disarm, 4, True), ("arm", arm, 4, True)]
)  # fmt: skip


def compare(images, name, estimator, samples, bits):
    latent = f"bernoulli {BITS}" if bits else f"categorical {VARIABLES}x{CATEGORIES}"
    initial, own = train(name, latent, samples, "iwae" if name == "vimco" else "elbo")
    order = _elbow.Order(SEED, SHARDS, LIMIT, BATCH)
    taken = [order.batch(shard, 0) for shard in range(SHARDS)]
    x = images[np.concatenate(taken)].astype(np.float32) / np.float32(255)
    m = Model(initial, torch.tensor(x, dtype=torch.float64), [len(t) for t in taken], bits)
    (-estimator(m).mean()).backward()
    off = {}
    for key, w in m.weights.items():
        exact = w.grad.numpy()
        assert np.abs(exact).max() > 1e-6, f"{name}, {latent}: no gradient in {key}"
        off[key] = np.abs(own[key] - exact).max() / np.abs(exact).max()
    worst = max(off, key=off.get)
    print(f"{name}, {latent}: off by {off[worst]:.0e} of the largest ({worst}); nearest choice {m.tie:.0e}", flush=True)
    if m.tie <= TIE:
        print(f"{name}, {latent}: not compared, a choice is too near for float")
        return 0
    near = SCORED if estimator in (reinforce, vimco, disarm, arm, arsm) else NEAR
    assert off[worst] <= near, f"{name}, {latent}: the gradient of {worst} is another"
    return 1


def main():
    name, images, _ = _elbow.import_data("data.h5")
    print("data:", name)
    assert sum(compare(images, *case) for case in CASES) >= len(CASES) - 2


main()
