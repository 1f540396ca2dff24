"""Row A in PyTorch beside the program, step by step: the same initial weights, order, noise; 100 steps.

PyTorch computes in float64 from the program's float32 weights at step 0: what exact arithmetic would give. The program
computes in float32. Two things follow from that.

Where the model is smooth (tanh, relaxed samples), the two stay together to float's rounding: objectives to 1e-7 on most data, weights to a
small part of what one update moves them, for as long as one likes to look.

Where it is not, they part some day through no fault: a unit whose input is 1e-8 above zero in one and below it in the other
has a gradient in the one only, and Adam, which divides by the size of gradients, makes of a rare unit's tiny gradient a
whole learning rate. From there on the difference grows tenfold in some 20 steps. A one-hot
choice between two that are equal in float does the same, faster. So with ReLU the first steps must agree sharply, as must
all steps before such a choice; the rest must keep the course. A wrong term, stream or order shows as 1e-2 in the first step.
"""

import os
import shutil
import time

import numpy as np
import torch

import _elbow
from _elbow import h5py

STEPS, EVERY = 100, 10
BATCH, LIMIT = 100, 4030  # 41 steps of 98 or 99 examples an epoch: epochs begin within the run, batches differ
RATE, VARIABLES, CATEGORIES = 1e-3, 20, 10
ROW_A = "exponential 1.0 0.5 rate=3e-5 every=100"
FASTER = "exponential 1.0 0.9 rate=2e-3 every=7"  # so that 100 steps see it move, and stand at its end

SHARP = 1e-5  # relative, of objectives that no branch has parted
PARTED = 5e-2  # of others: still the same course
TIE = 3e-6  # relative gap of a variable's two largest soft values: below it, float may choose either


def temperature(schedule, step):
    rate, every = (float(word.split("=")[1]) for word in schedule.split()[3:])
    least = float(schedule.split()[2])
    return max(least, np.exp(-rate * (step // every * every)))


def train(name, activation, seed, shards, estimator, schedule):
    _elbow.elbow(
        "train", f"{os.environ['ELBOW_SOURCE']}/configs/categorical-mnist.ini", "--out", name,
        *(word for key, value in {
            "data.file": "data.h5", "data.limit": LIMIT, "run.seed": seed, "parallel.shards": shards,
            "model.activation": activation,
            "estimator.name": estimator, "estimator.temperature": schedule,
            "train.batch": BATCH, "train.epochs": 0, "train.steps": STEPS, "train.log_every": 1,
            "train.evaluate_every": STEPS, "train.pictures": "no", "checkpoint.keep": 99, "checkpoint.every_steps": EVERY,
        }.items() for word in ("--set", f"{key}={value}")),
    )  # fmt: skip
    with h5py.File(f"{name}/metrics.h5", "r") as file:
        metrics = {column: file["train"][column][()] for column in ("step", "objective", "temperature", "gradient_norm")}
    checkpoints = [f"{name}/checkpoints/step-{step:09}.h5" for step in range(0, STEPS + 1, EVERY)]
    models = [_elbow.read_model(checkpoint) for checkpoint in checkpoints]
    shutil.rmtree(name)
    return metrics, models


def batches(images, seed, shards):
    """Each step's x and noise: the shards' one after the other, as each gathers and draws its own."""
    order = _elbow.Order(seed, shards, LIMIT, BATCH)
    for step in range(STEPS):
        x, noise = [], []
        for shard in range(shards):
            taken = order.batch(shard, step)
            key = _elbow.stream(seed, shard, "latent.0.gumbel")
            x.append(images[taken])
            noise.append(_elbow.gumbel(_elbow.rows(key, 0, step, len(taken), VARIABLES * CATEGORIES)))
        yield np.concatenate(x), np.concatenate(noise).reshape(-1, VARIABLES, CATEGORIES)


def pytorch(initial, activation, steps, estimator, schedule):
    """By step: objectives, gradient norms, the narrowest choice; and the weights after every EVERY steps."""
    weights = {name: torch.tensor(values, dtype=torch.float64, requires_grad=True) for name, values in initial.items()}
    optimizer = torch.optim.Adam(weights.values(), lr=RATE, betas=(0.9, 0.999), eps=1e-8)
    objectives, norms, gaps, kept = [], [], [], [initial]
    for step, (values, noise) in enumerate(steps):
        x = torch.tensor(values.astype(np.float32) / np.float32(255), dtype=torch.float64)
        log_q, kl = _elbow.posterior(weights, x, CATEGORIES, activation)
        soft = torch.softmax((log_q + torch.tensor(noise, dtype=torch.float64)) / temperature(schedule, step), -1)
        largest = soft.detach().topk(2, -1).values
        gaps.append(float((1 - largest[..., 1] / largest[..., 0]).min()))
        z = soft
        if estimator != "gumbel-softmax":
            z = _elbow.one_hot(soft.detach()) + (soft - soft.detach())
        objective = (_elbow.log_px(weights, z, x, activation) - kl).mean()
        optimizer.zero_grad()
        (-objective).backward()
        norms.append(float(sum((w.grad.double() ** 2).sum() for w in weights.values()) ** 0.5))
        optimizer.step()
        objectives.append(float(objective))
        if (step + 1) % EVERY == 0:
            kept.append({name: w.detach().numpy().copy() for name, w in weights.items()})
    return np.array(objectives), np.array(norms), np.array(gaps), kept


def distances(a, b):
    """|a - b| of all weights, in learning rates."""
    return np.abs(np.concatenate([(a[name].astype(np.float64) - b[name]).ravel() for name in b])) / RATE


def lockstep(images, activation, seed, shards, estimator, schedule):
    began = time.time()
    case = f"{activation}, {estimator}, S = {shards}"
    metrics, own = train(f"run-{seed}", activation, seed, shards, estimator, schedule)
    steps = list(batches(images, seed, shards))
    exact, norms, gaps, weights = pytorch(own[0], activation, steps, estimator, schedule)

    assert np.array_equal(metrics["step"], np.arange(1, STEPS + 1)), case
    expected = [temperature(schedule, step) for step in range(STEPS)]
    assert np.allclose(metrics["temperature"], expected, rtol=1e-12), case

    sharp = STEPS if activation == "tanh" else EVERY
    if estimator != "gumbel-softmax" and gaps[:sharp].min() < TIE:
        sharp = int(np.argmax(gaps < TIE))
        print(f"{case}: a tie in step {sharp}: compared sharply up to there")
    off = np.abs(metrics["objective"] / exact - 1)
    norm_off = np.abs(metrics["gradient_norm"] / norms - 1)
    far = [distances(a, b) for a, b in zip(own, weights)]
    print(f"{case}: objective off by {off[:sharp].max(initial=0):.0e} in {sharp} steps, {off.max():.0e} in all; "
          f"weights off by {np.median(far[-1]):.0e} learning rates (median), {np.sqrt((far[-1]**2).mean()):.0e} (rms), "
          f"{far[-1].max():.0e} (most); {exact[0]:.1f} -> {exact[-1]:.1f} nats; {time.time() - began:.0f} s",
          flush=True)  # fmt: skip

    assert off[:sharp].max(initial=0) <= SHARP, f"{case}: objectives part in step {np.argmax(off > SHARP)}"
    assert norm_off[:sharp].max(initial=0) <= 20 * SHARP, f"{case}: norms part in step {np.argmax(norm_off > 20 * SHARP)}"
    assert off.max() <= PARTED, f"{case}: objectives are far apart in step {np.argmax(off > PARTED)}"
    now = far[sharp // EVERY]  # most weights agree to float's last places; rare units' are Adam's amplified rounding
    assert np.median(now) <= 3e-5, f"{case}: half of the weights are off by {np.median(now)} learning rates"
    if sharp == STEPS:
        assert now.max() <= 0.3 and np.sqrt((now**2).mean()) <= 1e-3, f"{case}: some weights are off by {now.max()}"
    assert exact[-1] > exact[0] + 0.05 * abs(exact[0]), f"{case}: nothing was learnt"


def main():
    name, images, _ = _elbow.import_data("data.h5")
    print("data:", name)
    lockstep(images, "tanh", 1, 4, "gumbel-softmax", FASTER)
    lockstep(images, "tanh", 2, 1, "straight-through-gumbel", FASTER)
    lockstep(images, "relu", 3, 1, "gumbel-softmax", ROW_A)
    lockstep(images, "relu", 4, 4, "gumbel-softmax", ROW_A)
    lockstep(images, "relu", 5, 4, "straight-through-gumbel", ROW_A)


main()
