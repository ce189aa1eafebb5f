"""Cells as tasks of a Ray cluster, each with the cores, memory and GPU it needs; the extra `[cluster]`.

What a cell leaves lies on storage that every node shares, so nothing but jobs and sentences travels. A cell whose node
dies is begun again on another one, which adopts what the first had reached.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from echoduet.errors import ConfigError
from echoduet.experiments.grid.budget import cell_memory
from echoduet.experiments.grid.executor import BEAT_S, Beat, Report
from echoduet.experiments.grid.jobs import Job

RETRIES = 5
"""How often a cell is begun again after its node, or its process, has died."""

ANSWER_S = 10.0
"""How long the head node may take to answer."""


@dataclass(frozen=True, slots=True)
class RayCluster:
    """Tasks of a Ray cluster.

    Attributes:
        address: the head node's, as in `10.0.0.1:6379`; None to use `$RAY_ADDRESS`, or else Ray on this machine alone.
        gpus: of one cell; a fraction lets several share one.
    """

    address: str | None = None
    gpus: float = 0.0

    def require_usable(self) -> None:
        """Refuse a missing Ray and an address where nothing listens, before a folder is claimed for the work.

        Raises:
            ConfigError: Ray is not installed, or no cluster answers; says what to do.
        """
        _import_ray()
        if self.address is not None:
            _require_answer(self.address)

    def run(self, jobs: Sequence[Job], beat: Beat) -> Generator[Report, None, None]:
        """Run the jobs; those not yet finished are cancelled when the caller stops listening."""
        with _connected(self.address) as ray:
            for job in jobs:
                _require_a_node(ray, self._needs(job), job)
            # A process of its own for every cell: what one leaves behind in torch must not reach the next.
            cell = ray.remote(max_calls=1, max_retries=RETRIES)(run_on_node)
            waiting = {cell.options(**self._options(job)).remote(_fixed(job).to_json()): job for job in jobs}
            try:
                while waiting:
                    ended, _ = ray.wait(list(waiting), timeout=BEAT_S)
                    for task in ended:
                        yield Report(waiting.pop(task), _answer(ray, task))
                    beat()
            finally:
                for task in waiting:
                    ray.cancel(task, force=True)

    def _needs(self, job: Job) -> dict[str, float]:
        needs = {"CPU": float(_threads(job)), "memory": float(cell_memory(job.experiment)), "GPU": self.gpus}
        return {name: amount for name, amount in needs.items() if amount}

    def _options(self, job: Job) -> dict[str, Any]:
        needs = self._needs(job)
        return {"name": job.name, "num_cpus": needs["CPU"], "memory": needs["memory"], "num_gpus": self.gpus}


def run_on_node(text: str) -> str | None:
    """Run the job that `text` holds, on whatever node this is; return None, or why it failed."""
    from echoduet.experiments.grid.cell import attempt_cell  # noqa: PLC0415 - torch, which the sending side need not load

    return attempt_cell(Job.from_json(text))


def _threads(job: Job) -> int:
    return job.experiment.runtime.threads or 1


def _fixed(job: Job) -> Job:
    return replace(job, threads=_threads(job))


def _answer(ray: Any, task: Any) -> str | None:
    try:
        told: str | None = ray.get(task)
    except ray.exceptions.RayError as error:
        first_line = str(error).strip().partition("\n")[0]
        return f"The cluster gave the cell up after {RETRIES} retries: {type(error).__name__}: {first_line}"
    return told


@contextmanager
def _connected(address: str | None) -> Iterator[Any]:
    ray = _import_ray()
    if address is not None:
        _require_answer(address)
    ray.init(address, log_to_driver=False, logging_level="ERROR")
    try:
        yield ray
    finally:
        ray.shutdown()


def _require_answer(address: str) -> None:
    """Refuse an address where nothing listens: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise ConfigError(f"--address {address}: is no address. Write the head node's, as in 10.0.0.1:6379.")
    try:
        socket.create_connection((host, int(port)), timeout=ANSWER_S).close()
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"--address {address}: no Ray cluster answers there ({error}). Start one with `ray start --head`."
        ) from error


def _import_ray() -> Any:
    # Ray's own switches: tell nobody of its use, and leave CUDA_VISIBLE_DEVICES alone where no GPU is asked for, which
    # it announces as its coming default.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigError(
            "--executor ray: Ray is not installed. Install the extra: pip install 'echoduet[cluster]'."
        ) from error
    return ray


def _require_a_node(ray: Any, needs: dict[str, float], job: Job) -> None:
    """Refuse a cell that no node can take: Ray itself would wait for such a node forever."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if any(all(node.get(name, 0) >= amount for name, amount in needs.items()) for node in nodes):
        return
    memory = f"{needs['memory'] / 1e9:.1f} GB of memory"
    gpus = f", {needs['GPU']:g} GPU" if "GPU" in needs else ""
    raise ConfigError(
        f"{job.setting}: no node of the cluster has {needs['CPU']:g} cores, {memory}{gpus} for one cell. "
        "Add a node, or lower runtime.threads, optim.batch_size or --gpus."
    )
