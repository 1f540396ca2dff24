"""What a run leaves, read without elbow: a checkpoint and metrics by h5py, the model by PyTorch.

The PyTorch model made from a checkpoint's tensors, with noise of its own, must give the test split the bound that the program
recorded, as far as the noise allows.
"""

import os

import numpy as np
import torch

import _elbow
from _elbow import h5py

STEPS, LOG_EVERY, VARIABLES, CATEGORIES, DRAWS = 60, 7, 8, 4, 4
ENCODER, DECODER = (40, 24), (24, 40)


def train():
    _elbow.elbow(
        "train", f"{os.environ['ELBOW_SOURCE']}/configs/smoke.ini", "--out", "run",
        *(word for key, value in {
            "data.file": "data.h5", "data.binarize": "threshold", "train.pictures": "no",
            "model.encoder": "40 24", "model.decoder": "24 40", "model.latent": f"categorical {VARIABLES}x{CATEGORIES}",
            "run.seed": 11, "parallel.shards": 2, "train.log_every": LOG_EVERY, "checkpoint.every_steps": 25,
            "checkpoint.keep": 9,
        }.items() for word in ("--set", f"{key}={value}")),
    )  # fmt: skip


def expected_shapes(pixels):
    shapes = {}

    def dense(name, inputs, outputs):
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = (outputs, inputs), (outputs,)
        return outputs

    width = pixels
    for i, units in enumerate(ENCODER):
        width = dense(f"encoder.{i}", width, units)
    width = dense("posterior.0", width, VARIABLES * CATEGORIES)
    for i, units in enumerate(DECODER):
        width = dense(f"decoder.{i}", width, units)
    dense("likelihood", width, pixels)
    return shapes


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def check_checkpoint(path, step, pixels):
    shapes = expected_shapes(pixels)
    with h5py.File(path, "r") as file:
        assert text(file.attrs["format"]) == "elbow-checkpoint" and int(file.attrs["version"]) >= 1
        run = file["run"].attrs
        assert (int(run["step"]), int(run["seed"]), int(run["shards"])) == (step, 11, 2)
        assert int(run["epoch"]) == step // 20 and int(run["run_steps"]) == STEPS
        assert len(text(run["digest"])) == 32
        assert "encoder = 40 24" in text(file["config"][()])
        groups = {"model": file["model"]}
        for slot in ("first_moment", "second_moment"):
            groups[slot] = file[f"optimizer/adam/{slot}"]
        for name, group in groups.items():
            assert {tensor: group[tensor].shape for tensor in group} == shapes, name
            for tensor in group:
                assert group[tensor].dtype == np.float32 and np.isfinite(group[tensor][()]).all(), (name, tensor)
        moved = any(np.any(values[()]) for values in groups["second_moment"].values())
        assert moved == (step > 0)
        assert all((values[()] >= 0).all() for values in groups["second_moment"].values())
        if step == 0:  # U(-1/sqrt(in), 1/sqrt(in)), as PyTorch's Linear
            for tensor, values in groups["model"].items():
                bound = shapes[tensor.rsplit(".", 1)[0] + ".weight"][1] ** -0.5
                assert 0.8 * bound < np.abs(values[()]).max() <= bound, tensor


def check_table(group):
    lengths = {group[column].shape for column in group}
    assert len(lengths) == 1 and len(next(iter(lengths))) == 1, "columns of unequal lengths"
    for column in group:
        assert {"unit", "description"} <= set(group[column].attrs), f"{column} has no unit or description"


def check_metrics(path):
    """The tables, and the last test evaluation's row."""
    with h5py.File(path, "r") as file:
        train, evaluation = file["train"], file["evaluation"]
        check_table(train)
        check_table(evaluation)
        rows = sorted({*range(LOG_EVERY, STEPS + 1, LOG_EVERY), 20, 40, 60})  # epochs end rows, too
        assert train["step"][()].tolist() == rows
        assert np.allclose(train["elbo"][()], train["reconstruction"][()] - train["kl"][()], rtol=1e-6)
        assert np.allclose(train["objective"][()], train["elbo"][()], rtol=1e-6), "beta = 1, no free bits"
        assert np.allclose(train["epoch"][()], np.array(rows) / 20)
        assert (np.diff(train["seconds"][()]) >= 0).all()
        row = {column: evaluation[column][-1] for column in evaluation}
        assert (row["step"], row["split"]) == (STEPS, 2)
        return row


def same_table(checkpoint, metrics):
    """A checkpoint carries the history."""
    with h5py.File(checkpoint, "r") as a, h5py.File(metrics, "r") as b:
        for table in ("train", "evaluation"):
            for column in b[table]:
                assert np.array_equal(a["metrics"][table][column][()], b[table][column][()], equal_nan=True), column


@torch.no_grad()
def evaluate(path, images):
    """One-hot ELBO of each image for DRAWS draws (DRAWS, N), and KL (N)."""
    weights = {name: torch.tensor(values) for name, values in _elbow.read_model(path).items()}
    x = torch.tensor((2.0 * images >= 255).astype(np.float32))  # binarize = threshold
    noise = torch.distributions.Gumbel(0.0, 1.0)
    torch.manual_seed(1)
    log_q, kl = _elbow.posterior(weights, x, CATEGORIES)
    draws = [_elbow.log_px(weights, _elbow.one_hot(log_q + noise.sample(log_q.shape)), x) - kl for _ in range(DRAWS)]
    return torch.stack(draws).double().numpy(), kl.double().numpy()


def main():
    name, _, test = _elbow.import_data("data.h5")
    train()
    checkpoints = {step: f"run/checkpoints/step-{step:09}.h5" for step in (0, 25, 50, STEPS)}
    for step, path in checkpoints.items():
        check_checkpoint(path, step, test.shape[1])
    row = check_metrics("run/metrics.h5")
    same_table(checkpoints[STEPS], "run/metrics.h5")

    elbo, kl = evaluate(checkpoints[STEPS], test)
    n = len(test)
    # Both saw the same images: they differ by the draws alone, one here and DRAWS there.
    error = np.sqrt(elbo.var(axis=0, ddof=1).mean() / n * (1 + 1 / DRAWS))
    assert abs(row["kl"] - kl.mean()) < 1e-5 * abs(kl.mean()), f"KL {row['kl']}, PyTorch {kl.mean()}"
    assert abs(row["elbo"] - row["reconstruction"] + row["kl"]) < 1e-9 * abs(row["elbo"])
    off = row["elbo"] - elbo.mean()
    print(f"data: {name}; -ELBO {-row['elbo']:.3f}, PyTorch {-elbo.mean():.3f}, standard error {error:.3f} nats; "
          f"KL {row['kl']:.4f}, {kl.mean():.4f}")  # fmt: skip
    assert abs(off) < 4.5 * error, f"{off / error:.1f} standard errors apart"
    spread = elbo[0].std(ddof=1) / np.sqrt(n)
    assert abs(row["elbo_error"] / spread - 1) < 0.1, f"standard error {row['elbo_error']}, PyTorch {spread}"


main()
