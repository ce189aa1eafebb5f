"""The process of one cell: a job on stdin, as one line of JSON; exit code 0: finished, 3: failed, and told why.

stdin stays open as long as the process that started it lives. When that one is gone, so is this.
"""

from __future__ import annotations

import os
import sys
import threading

FAILED = 3  # not the 1 of a process that Python itself ends
ORPHANED = 130


def main() -> int:
    """Run the job that stdin names."""
    line = sys.stdin.readline()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from echoduet.experiments.grid.cell import attempt_cell  # noqa: PLC0415 - seconds, in which the parent may have gone
    from echoduet.experiments.grid.jobs import Job  # noqa: PLC0415 - same

    return 0 if attempt_cell(Job.from_json(line)) is None else FAILED


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)  # nothing more is ever written: it returns when the other end is closed
    os._exit(ORPHANED)


if __name__ == "__main__":
    sys.exit(main())
