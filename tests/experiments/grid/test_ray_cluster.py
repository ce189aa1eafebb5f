"""What is said where a cluster cannot work; that it does work is shown in tests/e2e/test_ablation_cluster.py."""

from __future__ import annotations

import socket
import sys
from types import SimpleNamespace

import pytest

from echoduet.errors import ConfigError
from echoduet.experiments.grid import ray_cluster as room
from echoduet.experiments.grid.ablation import claimed
from echoduet.experiments.grid.budget import cell_memory
from echoduet.experiments.grid.ray_cluster import RayCluster, run_on_node


def test_without_ray_the_extra_is_named(make_ablation, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"Ray is not installed\. .*echoduet\[cluster\]"):
        list(RayCluster().run(make_ablation().jobs, lambda: None))


@pytest.mark.parametrize("address", ["head", ":6379", "head:port", "10.0.0.1:"])
def test_what_is_no_address_is_told(address):
    with pytest.raises(ConfigError, match=f"--address {address}: is no address"):
        room._require_answer(address)


def test_an_address_where_nothing_listens_is_told_at_once():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"--address 127\.0\.0\.1:{port}: no Ray cluster answers there"):
            room._require_answer(f"127.0.0.1:{port}")
        closed.listen()
        room._require_answer(f"127.0.0.1:{port}")


def nodes(*resources, alive=True):
    """Return Ray with nodes of these resources."""
    return SimpleNamespace(nodes=lambda: [{"Alive": alive, "Resources": given} for given in resources])


def test_a_cell_needs_cores_memory_and_gpus(make_ablation):
    job = make_ablation("set: {", "set: {runtime.threads: 3, ").jobs[0]
    needs = {"CPU": 3.0, "memory": float(cell_memory(job.experiment)), "GPU": 0.5}
    assert RayCluster(gpus=0.5)._needs(job) == needs
    assert "GPU" not in RayCluster()._needs(job)
    assert RayCluster(gpus=0.5)._options(job) == {
        "name": job.name,
        "num_cpus": 3.0,
        "memory": needs["memory"],
        "num_gpus": 0.5,
    }


def test_a_cell_that_fits_no_node_is_refused_instead_of_waited_for(make_ablation):
    job = make_ablation().jobs[0]
    needs = RayCluster(gpus=1)._needs(job)
    enough = {"CPU": 1.0, "memory": 64e9, "GPU": 1.0}
    room._require_a_node(nodes({"CPU": 8.0}, enough), needs, job)
    for short in ({"CPU": 0.0}, {"memory": 1e8}, {"GPU": 0.0}):
        with pytest.raises(ConfigError, match=r"Seg: no node of the cluster has 1 cores, .* GB of memory, 1 GPU"):
            room._require_a_node(nodes({"CPU": 8.0}, enough | short), needs, job)
    with pytest.raises(ConfigError, match="no node"):
        room._require_a_node(nodes(enough, alive=False), needs, job)


def test_what_the_cluster_gives_up_is_a_failure_in_a_sentence():
    class NodeDiedError(Exception):
        pass

    def lost(task):
        raise NodeDiedError("the node is gone\nwith a long story")

    ray = SimpleNamespace(get=lost, exceptions=SimpleNamespace(RayError=NodeDiedError))
    assert room._answer(ray, None) == ("The cluster gave the cell up after 5 retries: NodeDiedError: the node is gone")
    assert room._answer(SimpleNamespace(get=lambda task: None, exceptions=ray.exceptions), None) is None


def test_a_node_runs_what_the_text_says(make_ablation, trained):
    ablation = make_ablation()
    trained.failing = frozenset({"Cls"})
    with claimed(ablation):
        assert run_on_node(ablation.jobs[0].to_json()) is None
        assert "no Cls today" in run_on_node(ablation.jobs[2].to_json())
    assert trained == ["Seg 1 0"]
