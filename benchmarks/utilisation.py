"""How well training fills the device: images/s, and which share of its bfloat16 matrix rate the convolutions reach.

python benchmarks/utilisation.py curated/manifest.csv --config echoduet-base --config multi_task_config

The rate that counts as the peak is what a plain product of two large bfloat16 matrices reaches here, in this run; with
`--peak` it is the maker's figure. Operations are counted as they run, those of convolutions and matrix products alone,
a multiplication and an addition as two; what is frozen has no gradient and is not counted. `data` is the time that
drawing and warping a batch takes, as a share of the step. `--profile FOLDER` also keeps the profiler's table and a
trace, and tells which share of the time a GPU was busy.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count

from echoduet.config.load import load_config
from echoduet.config.schema import ExperimentConfig
from echoduet.data.cache import CachedSet, load_cached
from echoduet.data.manifest import Manifest, open_data
from echoduet.losses.multitask import LossParts
from echoduet.runs import processor
from echoduet.training.loop import Trainer
from echoduet.transforms.augment import apply, draw
from echoduet.transforms.preprocess import Preprocess
from fleet_pack import ROWS as PACKED
from fleet_pack import Pack

SECONDS = 8.0
"""How long each rate is measured, after a warm-up of two calls."""

PROFILED_STEPS = 20


@dataclass(frozen=True, slots=True)
class Utilisation:
    """What one configuration reaches on this device.

    Attributes:
        images_per_second: trained.
        gflop_per_image: of convolutions and matrix products, forward and backward.
        data_share: what drawing and warping a batch takes of a step.
    """

    images_per_second: float
    gflop_per_image: float
    data_share: float

    @property
    def tflops(self) -> float:
        """TFLOP/s of convolutions and matrix products."""
        return self.images_per_second * self.gflop_per_image / 1000


def per_second(call: Callable[[], object], device: torch.device, seconds: float = SECONDS) -> float:
    """Return how often a second `call` is done, the work it leaves to the device included."""
    for _ in range(2):
        call()
    _wait(device)
    started, calls = time.perf_counter(), 0
    while time.perf_counter() - started < seconds or not calls:
        call()
        calls += 1
    _wait(device)
    return calls / (time.perf_counter() - started)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def matrix_peak(device: torch.device, seconds: float = SECONDS) -> float:
    """Return the TFLOP/s of a product of two large bfloat16 matrices, the best of a few sizes."""
    sizes = (4096, 8192, 16384) if device.type == "cuda" else (1024, 2048, 4096)
    return max(_product_tflops(size, device, seconds / len(sizes)) for size in sizes)


def _product_tflops(size: int, device: torch.device, seconds: float) -> float:
    left, right = (torch.randn(size, size, device=device).to(torch.bfloat16) for _ in range(2))
    return 2 * size**3 * per_second(lambda: left @ right, device, seconds) / 1e12


def operations(call: Callable[[], object]) -> int:
    """Return the operations of convolutions and matrix products in `call`."""
    # Left to itself the counter takes the weight gradient of a grouped convolution for that of a dense one.
    backward = {torch.ops.aten.convolution_backward: _backward_operations}
    with FlopCounterMode(display=False, custom_mapping=backward) as counter:
        call()
    return int(counter.get_total_flops())


def _backward_operations(
    grad: list[int],
    input_: list[int],
    weight: list[int],
    *rest: object,
    out_shape: object = None,
) -> int:
    """Return what a convolution's gradients cost: each of the two as much as the convolution itself."""
    transposed, output_mask = bool(rest[4]), rest[7]
    gradients = sum(map(bool, list(output_mask)[:2]))  # type: ignore[call-overload]
    return int(conv_flop_count(input_, weight, grad, transposed=transposed)) * gradients


def endless(trainer: Trainer) -> Iterator[LossParts]:
    """Yield the losses of step after step, one epoch behind the other."""
    while True:
        yield from trainer.run_epoch()


def measure(trainer: Trainer, seconds: float = SECONDS) -> Utilisation:
    """Return what the loop of `trainer` reaches."""
    steps, device = endless(trainer), trainer.stepper.device
    batch = min(trainer.config.optim.batch_size, len(trainer.order))
    next(steps)
    flops = operations(lambda: next(steps))
    rate = per_second(lambda: next(steps), device, seconds)
    load = per_second(_loading(trainer, batch), device, seconds / 4)
    return Utilisation(rate * batch, flops / batch / 1e9, rate / load)


def _loading(trainer: Trainer, batch: int) -> Callable[[], object]:
    data, device = trainer.train, trainer.stepper.device
    generator = torch.Generator().manual_seed(1)

    def load() -> object:
        rows = torch.randint(0, len(data), (batch,), generator=generator).to(data.images.device)
        images, masks = (tensor[rows].to(device) for tensor in (data.images, data.masks))
        return apply(draw(trainer.config.augment, batch, generator).to(device), images, masks)

    return load


def profiled(trainer: Trainer, folder: Path) -> str:
    """Profile some steps: trace and table of the slowest operations in `folder`, and in words how busy a GPU was."""
    todo, device = endless(trainer), trainer.stepper.device
    next(todo)
    _wait(device)
    gpu = device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if gpu else [])]
    with profile(activities=activities) as seen:
        started = time.perf_counter()
        for _ in range(PROFILED_STEPS):
            next(todo)
        _wait(device)
        wall = time.perf_counter() - started
    averages = seen.key_averages()
    order = "self_device_time_total" if gpu else "self_cpu_time_total"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.txt").write_text(averages.table(sort_by=order, row_limit=40), encoding="utf-8")
    seen.export_chrome_trace(str(folder / "trace.json"))
    busy = sum(entry.self_device_time_total for entry in averages) / 1e6 / wall if gpu else None
    told = f"the GPU was busy for {busy:.1%} of the time, " if busy is not None else ""
    return f"{PROFILED_STEPS} steps in {wall:.2f} s, {told}see {folder / 'table.txt'}"


def main() -> None:
    """Measure every configuration given and print a line of the table for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="a data-set folder, a manifest, or one that is packed")
    parser.add_argument("--config", action="append", required=True, dest="configs")
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    parser.add_argument("--peak", type=float, help="TFLOP/s that count as the peak, instead of a measured product")
    parser.add_argument("--profile", type=Path, help="a folder for trace and table of each configuration")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    given = parser.parse_args()
    manifest, peak, profiles = open_data(given.data), given.peak, list[str]()
    for name in given.configs:
        config = load_config(name, given.overrides)
        data = _tensors(given.data, manifest, config)
        trainer = Trainer(config, data, data)
        if peak is None:
            peak = matrix_peak(trainer.stepper.device, given.seconds)
        if not profiles and name == given.configs[0]:
            _head(trainer.stepper.device, peak, given.peak is None)
        row = measure(trainer, given.seconds)
        cells = f"{row.images_per_second:.1f} | {row.gflop_per_image:.1f} | {row.tflops:.2f} | {row.tflops / peak:.1%}"
        print(f"| {name} | {config.preprocess.size} px, {config.optim.batch_size} | {cells} | {row.data_share:.1%} |")
        if given.profile:
            profiles.append(f"{name}: {profiled(trainer, given.profile / name)}")
    print("\n".join(["", *profiles]).rstrip())


def _tensors(path: Path, manifest: Manifest, config: ExperimentConfig) -> CachedSet:
    if (path.parent / PACKED).exists():
        return Pack.open(path.parent).tensors(manifest, config.preprocess)
    return load_cached(manifest.cases, Preprocess(config.preprocess))


def _head(device: torch.device, peak: float, measured: bool) -> None:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor()
    how = "a bfloat16 product reaches it here" if measured else "as given"
    print(f"{name}, {torch.get_num_threads()} threads, torch {torch.__version__}; peak {peak:.2f} TFLOP/s ({how})\n")
    print("| configuration | size, batch | images/s | GFLOP an image | TFLOP/s | of the peak | data |")
    print("|---|---|---|---|---|---|---|")


if __name__ == "__main__":
    main()
