"""Row A in PyTorch, as one process of a measurement: what scripts/bench-against-torch starts, with its orders as JSON.

    torch_row_a.py '{"mode": "adam" | "speed" | "quality", "data": "mnist.h5", "threads": 1, …}'

It answers with one line of JSON. The model, the estimator, the optimizer and the schedule are those of
configs/categorical-mnist.ini; everything else is what makes PyTorch fastest: images in memory as float tensors, batches by
index_select, losses of whole tensors and no value read back, gradients as views of DDP's buckets, denormals as zero.
"""
import json, math, os, sys, time

import h5py
import torch
from torch import distributed, nn
from torch.nn import functional as F

BLOCK = 4096  # images at a time, so that no second copy of the data counts as peak memory


class Model(nn.Module):
    """784-512-256-(20x10)-256-512-784 with ReLU, linear logits. Called, it is the loss, as DDP wants it."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 200))
        self.decoder = nn.Sequential(nn.Linear(200, 256), nn.ReLU(), nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 784))

    def negative_elbo(self, x, logits, z):
        """Summed over the batch; KL(q || uniform) = sum q log q + log 10 for each of 20 variables."""
        reconstruction = F.binary_cross_entropy_with_logits(self.decoder(z.view(-1, 200)), x, reduction="sum")
        log_q = F.log_softmax(logits, dim=-1)
        return reconstruction + (log_q.exp() * log_q).sum() + len(x) * 20 * math.log(10)

    def forward(self, x, temperature):
        logits = self.encoder(x).view(-1, 20, 10)
        return self.negative_elbo(x, logits, F.gumbel_softmax(logits, tau=temperature)) / len(x)

    @torch.no_grad()
    def evaluate(self, images):
        """Mean -ELBO with one one-hot sample an image: what elbow evaluates."""
        total = 0.0
        for x in images.split(1000):
            logits = self.encoder(x).view(-1, 20, 10)
            total += self.negative_elbo(x, logits, F.gumbel_softmax(logits, tau=1, hard=True)).item()
        return total / len(images)


def temperature(step):
    return max(0.5, math.exp(-3e-5 * (step - step % 100)))


def images_of(path, split, rank=0, processes=1):
    """A rank's slice of a split: as elbow's shards have it, so that no process holds what it never reads."""
    with h5py.File(path, "r") as data:
        stored = data[split]["x"]
        first, end = (len(stored) * r // processes for r in (rank, rank + 1))
        images = torch.empty(end - first, 784)
        for at in range(first, end, BLOCK):
            block = stored[at : min(at + BLOCK, end)].reshape(-1, 784)
            images[at - first : at - first + len(block)] = torch.from_numpy(block)
        return images.div_(float(stored.attrs["maximum"]))


def batches(images, batch):
    """Without end: every epoch in another order."""
    while True:
        for rows in torch.randperm(len(images)).split(batch):
            if len(rows) == batch:
                yield images.index_select(0, rows)


def train(model, adam, source, first, steps):
    for step in range(first, first + steps):
        adam.zero_grad(set_to_none=True)
        model(next(source), temperature(step)).backward()
        adam.step()


class Clock:
    """Seconds between start and stop, which all processes reach together."""

    def __init__(self, processes):
        self.together = distributed.barrier if processes > 1 else lambda: None

    def start(self):
        self.together()
        self.began = time.perf_counter()

    def stop(self):
        self.together()
        return time.perf_counter() - self.began


def speed(order, model, adam, clock, images):
    source = batches(images, order["batch"])
    train(model, adam, source, 0, order["warm"])
    clock.start()
    train(model, adam, source, order["warm"], order["steps"])
    seconds = clock.stop()
    return {"seconds": seconds, "examples": order["steps"] * order["batch"] * order["processes"]}


def quality(order, model, adam, clock, images):
    """Epochs until the target, at most order's; [seconds of training, test -ELBO] after each."""
    source = batches(images, order["batch"])
    steps, curve, seconds = len(images) // order["batch"], [], 0.0
    test = images_of(order["data"], "test") if order["rank"] == 0 else None
    reached = torch.zeros(1)
    for epoch in range(order["epochs"]):
        clock.start()
        train(model, adam, source, epoch * steps, steps)
        seconds += clock.stop()
        if test is not None:
            curve.append((seconds, getattr(model, "module", model).evaluate(test)))
            reached[0] = curve[-1][1] <= order["target"]
        if order["processes"] > 1:
            distributed.broadcast(reached, 0)
        if reached.item():
            break
    return {"curve": curve}


def adam_costs():
    """Seconds an update takes, one tensor after another and foreach: the least of alternating repetitions."""
    models = {foreach: Model() for foreach in (False, True)}
    adams = {foreach: adam_of(model, foreach) for foreach, model in models.items()}
    for model in models.values():
        for parameter in model.parameters():
            parameter.grad = torch.full_like(parameter, 1e-3)
    least = dict.fromkeys(models, math.inf)
    for _ in range(12):
        for foreach, adam in adams.items():
            began = time.perf_counter()
            for _ in range(5):
                adam.step()
            least[foreach] = min(least[foreach], (time.perf_counter() - began) / 5)
    return {"single": least[False], "foreach": least[True], "torch": torch.__version__, "blas": blas()}


def adam_of(model, foreach):
    return torch.optim.Adam(model.parameters(), lr=1e-3, foreach=foreach)


def blas():
    """The libraries of matrix products in this process, from what is mapped into it."""
    with open("/proc/self/maps") as maps:
        names = {os.path.basename(line.split()[-1]) for line in maps if ".so" in line}
    return ", ".join(sorted(n for n in names if any(word in n for word in ("blas", "mkl_", "blis")))) or "BLAS of its own"


def peak():
    """Bytes. Not getrusage: that counts what the process which started this one had, too."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def main():
    order = json.loads(sys.argv[1])
    if order.get("cpu") is not None:
        os.sched_setaffinity(0, {order["cpu"]})
    torch.set_flush_denormal(True)
    torch.set_num_threads(order["threads"])
    if order["mode"] == "adam":
        answer = adam_costs()
    else:
        rank, processes = order["rank"], order["processes"]
        torch.manual_seed(order["seed"])
        model = Model()
        adam = adam_of(model, order["foreach"])
        images = images_of(order["data"], "train", rank, processes)
        if processes > 1:
            store = "file://" + order["store"]
            distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=processes)
            model = nn.parallel.DistributedDataParallel(model, broadcast_buffers=False, gradient_as_bucket_view=True)
        torch.manual_seed(1_000_003 * order["seed"] + rank)
        run = {"speed": speed, "quality": quality}[order["mode"]]
        answer = run(order, model, adam, Clock(processes), images)
        if processes > 1:
            distributed.destroy_process_group()
        answer["peak"] = peak()
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
