"""What stands behind the routes: nothing new at the end, nothing left behind."""

from __future__ import annotations

import pytest

from echoduet.service.jobs import Options
from echoduet.service.refusals import RefusedError
from echoduet.service.uploads import Received


def upload(backend):
    """Make a file that came in."""
    content = backend.spool.new()
    content.write(b"123")
    return Received(content, "a.png")


@pytest.mark.parametrize("state", ["draining", "queue", "uploads"])
def test_new_work_is_refused_where_there_is_no_room(make_backend, state):
    backend = make_backend(queue=1, uploads=1)
    if state == "draining":
        backend.drain()
    elif state == "queue":
        backend.jobs.add((), Options())
    else:
        backend.uploading = 1
    with pytest.raises(RefusedError) as refused:
        backend.require_room()
    assert (refused.value.status, refused.value.retry_after is None) == (503, False)
    assert backend.problems()[-1] == refused.value.ground


def test_files_that_are_refused_are_dropped(make_backend):
    backend = make_backend()
    backend.drain()
    with pytest.raises(RefusedError, match="This server is ending"):
        backend.accept([upload(backend)], Options())
    assert backend.spool.held == 0


def test_what_is_given_up_is_counted_and_closing_leaves_nothing(make_backend):
    backend = make_backend()
    job = backend.accept([upload(backend)], Options())  # its threads were not started
    assert backend.busy
    assert backend.give_up() == 1
    assert (job.over, backend.busy) == (True, False)
    backend.worker.start()
    backend.close()
    assert (backend.spool.held, backend.jobs.held) == (0, 0)


def test_a_thread_that_has_ended_is_a_problem(make_backend):
    backend = make_backend()
    assert backend.problems() == ["a thread has ended"]
