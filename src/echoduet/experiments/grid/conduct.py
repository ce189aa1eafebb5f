"""A grid from start to end: claim the folder, skip what is finished, run the rest, gather the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

from echoduet.errors import EchoDuetError
from echoduet.experiments.grid.ablation import Ablation, claimed
from echoduet.experiments.grid.cost import epoch_cost
from echoduet.experiments.grid.executor import Executor, Report
from echoduet.experiments.grid.jobs import Job
from echoduet.experiments.grid.outcome import read_outcome
from echoduet.experiments.grid.pace import Pace, Standing, epochs_of
from echoduet.experiments.grid.reported import write_rows


@dataclass(frozen=True, slots=True)
class Summary:
    """How a grid ended: cells that were finished before, that are finished now, and that failed."""

    before: int
    now: int
    failures: tuple[Report, ...]


def conduct(
    ablation: Ablation,
    executor: Executor,
    show: Callable[[Standing], None],
    after: Callable[[Report], None],
) -> Summary:
    """Run every cell that is not finished; failures are reported and do not stop the others.

    First all that train, then what joins networks that are all there. After each cell the rows of all finished ones
    are written, so that a grid can be read while it runs.

    Args:
        ablation: the grid and its folder.
        executor: what runs the cells.
        show: told now and then how far the grid is.
        after: told about each cell once it has ended.

    Raises:
        OutputError: the folder is in use, belongs to something else, holds a cell that was changed, or cannot be
            written.
        EchoDuetError: the executor cannot work at all.
    """
    with claimed(ablation) as finished:
        before, failures = len(finished), list[Report]()
        pace = Pace(
            {job: epoch_cost(job, ablation) for job in ablation.cells}, {job: epochs_of(job) for job in finished}
        )
        write_rows(ablation, finished)
        for waiting in _waves(ablation, finished):
            with closing(executor.run(waiting, lambda: show(pace.look()))) as reports:
                for report in map(_checked, reports):
                    if report.failure is None:
                        finished[report.job] = read_outcome(report.job.folder, report.job)
                        pace.finish(report.job)
                        write_rows(ablation, finished)
                    else:
                        failures.append(report)
                        pace.fail(report.job)
                    after(report)
                    show(pace.look())
        return Summary(before, len(finished) - before, tuple(failures))


def _waves(ablation: Ablation, finished: Mapping[Job, object]) -> Iterator[list[Job]]:
    """Yield what waits to be trained; then, once that has ended, what joins networks that are all finished."""
    yield [job for job in ablation.jobs if job not in finished]
    yield [job for job in ablation.joining if job not in finished and all(one in finished for one in job.joined)]


def _checked(report: Report) -> Report:
    """Believe that a cell is finished when its outcome says so."""
    if report.failure is not None:
        return report
    try:
        read_outcome(report.job.folder, report.job)
    except EchoDuetError as error:
        return Report(report.job, str(error))
    return report
