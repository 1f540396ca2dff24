#!/usr/bin/python3
"""Row A's -ELBO by epoch over seeds, beside PyTorch 1.13's (six seeds, the same model and settings).

    tests/bench/quality.py --elbow build/elbow --data mnist.h5 --shards 1 4 [--ranks 1] [--seeds 5] [--runs runs/quality]

Trains (or, where a run is there, goes on with) runs/quality/s<shards>-seed<seed>, then prints mean and standard deviation.
train is the epoch's running mean with soft samples, test has one-hot samples; nats per example.
"""
import argparse
import os
import subprocess
import sys

import h5py
import numpy as np

EPOCHS = [1, 2, 3, 5, 10]
TORCH = {  # mean, standard deviation
    "train": [(195.0, 1.0), (151.5, 1.4), (135.1, 1.0), (122.1, 1.6), (109.9, 0.7)],
    "test": [(175.7, 1.6), (153.1, 0.8), (144.4, 1.9), (133.9, 1.4), (123.2, 0.9)],
}
CONFIG = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "configs", "categorical-mnist.ini")


def train(arguments, shards, seed):
    run = f"{arguments.runs}/s{shards}-seed{seed}"
    command = ["mpirun", "-n", str(arguments.ranks)] if arguments.ranks > 1 else []
    command += [arguments.elbow, "train", CONFIG, "--out", run, "--continue"]
    for setting in (f"data.file={arguments.data}", f"run.seed={seed}", f"parallel.shards={shards}", "train.pictures=no"):
        command += ["--set", setting]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with h5py.File(run + "/metrics.h5") as metrics:
        table = metrics["evaluation"]
        rows = [int(np.flatnonzero(table["epoch"][:] == epoch)[0]) for epoch in EPOCHS]
        return {"train": -table["train_elbo"][:][rows], "test": -table["elbo"][:][rows]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--elbow", default="build/elbow")
    parser.add_argument("--data", required=True)
    parser.add_argument("--shards", type=int, nargs="+", default=[1])
    parser.add_argument("--ranks", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--runs", default="runs/quality")
    arguments = parser.parse_args()
    os.makedirs(arguments.runs, exist_ok=True)
    line = "| {:<24} |" + " {:>13} |" * len(EPOCHS)
    print(line.format("epoch", *EPOCHS))
    print("|---|" + "---|" * len(EPOCHS))
    for split, values in TORCH.items():
        print(line.format(f"PyTorch 1.13, {split}", *(f"{m:.1f} ± {s:.1f}" for m, s in values)))
    worst = -np.inf
    for shards in arguments.shards:
        runs = [train(arguments, shards, seed) for seed in range(1, arguments.seeds + 1)]
        for split, values in TORCH.items():
            table = np.array([run[split] for run in runs])
            mean, deviation = table.mean(axis=0), table.std(axis=0, ddof=1)
            print(line.format(f"elbow, S = {shards}, {split}", *(f"{m:.1f} ± {s:.1f}" for m, s in zip(mean, deviation))))
            worst = max(worst, max(mean - [m for m, _ in values]))
    print(f"\nmean of {arguments.seeds} seeds; largest difference to PyTorch's mean: {worst:+.2f} nats")
    sys.exit(0 if worst <= 1.5 else 1)


if __name__ == "__main__":
    main()
