"""Cells in processes: how each way to die is told, and that nothing outlives the caller."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from echoduet.experiments.grid import processes as room
from echoduet.experiments.grid.budget import Budget
from echoduet.experiments.grid.failure import failure_file, log_file, record_failure
from echoduet.experiments.grid.processes import Processes
from echoduet.experiments.grid.worker import FAILED


@pytest.fixture
def stand_in(monkeypatch):
    """Let `program` stand in for the worker: it finds the job, as a dict, in `job`."""

    def use(program):
        preamble = "import json, os, signal, sys, time; job = json.loads(sys.stdin.readline())\n"
        monkeypatch.setattr(room, "WORKER", (sys.executable, "-c", preamble + program))

    return use


def outcomes(jobs, cores=4, beat=lambda: None):
    """Run `jobs`; return what was told, by cell."""
    return {report.job.name: report.failure for report in Processes(Budget(cores)).run(jobs, beat)}


def test_every_way_to_end_is_told(make_ablation, stand_in):
    stand_in(
        "if job['setting'] == 'Cls': os.kill(os.getpid(), signal.SIGKILL)\n"
        "if job['setting'] == 'MT': print('no such thing', file=sys.stderr); sys.exit(7)\n"
    )
    jobs = make_ablation("seeds: [1, 2]", "seeds: [1]\nfolds: [0]").jobs
    told = outcomes(jobs)
    assert told["Seg, seed 1, fold 0"] is None
    assert told["Cls, seed 1, fold 0"].startswith("Its process was killed by SIGKILL. Where memory ran out")
    assert told["MT, seed 1, fold 0"] == f"Its process ended with code 7; {log_file(jobs[2])} shows why."
    assert json.loads(failure_file(jobs[1]).read_text())["failure"] == told["Cls, seed 1, fold 0"]
    assert "no such thing" in log_file(jobs[2]).read_text()


def test_what_the_worker_told_is_passed_on(make_ablation, stand_in):
    job = make_ablation().jobs[0]
    stand_in(f"open({str(failure_file(job))!r}, 'w').write(json.dumps({{'failure': 'no space'}})); sys.exit({FAILED})")
    assert outcomes([job]) == {job.name: "no space"}


def test_a_worker_that_python_ends_does_not_tell_an_earlier_reason(make_ablation, stand_in):
    job = make_ablation().jobs[0]
    record_failure(job, "Out of memory.", "here")
    stand_in("import a_module_that_is_not_there")
    assert outcomes([job]) == {job.name: f"Its process ended with code 1; {log_file(job)} shows why."}


def test_a_worker_gets_its_share_of_threads(make_ablation, stand_in):
    stand_in("sys.exit(10 * job['threads'] + int(os.environ['OMP_NUM_THREADS']))")
    jobs = make_ablation().jobs[:2]
    assert all("code 44;" in told for told in outcomes(jobs, cores=8).values())


def test_no_more_run_at_a_time_than_fit(make_ablation, stand_in, tmp_path):
    stand_in(
        f"mark = {str(tmp_path)!r} + f'/running-{{os.getpid()}}'; open(mark, 'w').close(); "
        f"n = sum(name.startswith('running-') for name in os.listdir({str(tmp_path)!r})); "
        "time.sleep(0.3); os.unlink(mark); sys.exit(20 + n)"
    )
    told = outcomes(make_ablation("set: {", "set: {runtime.threads: 2, ").jobs[:5], cores=4)
    counts = {int(failure.partition("code ")[2].partition(";")[0]) - 20 for failure in told.values()}
    assert counts <= {1, 2}


def test_what_runs_is_ended_when_the_caller_stops(make_ablation, stand_in, monkeypatch):
    monkeypatch.setattr(room, "PATIENCE_S", 0.2)
    stand_in("if job['setting'] == 'Seg' and job['fold'] == 0: sys.exit(0)\ntime.sleep(60)")
    beaten = []
    reports = Processes(Budget(3)).run(make_ablation().jobs, lambda: beaten.append(1))
    assert next(reports).failure is None
    workers = [worker.process for worker in reports.gi_frame.f_locals["running"]]
    assert workers
    started = time.monotonic()
    reports.close()
    assert time.monotonic() - started < 20
    assert all(process.poll() is not None for process in workers)
    assert not any(Path(f"/proc/{process.pid}").exists() for process in workers)
