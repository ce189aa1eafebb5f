"""Why the server turns a request away: one sentence, a status, and a ground that is counted."""

from __future__ import annotations

from echoduet.errors import EchoDuetError


class RefusedError(EchoDuetError):
    """A request that is turned away.

    Args:
        status: of the answer, 400 to 599.
        ground: one word for the metrics.
        sentence: for whoever asked.
        retry_after: seconds after which asking again makes sense; None where it makes none.
    """

    def __init__(self, status: int, ground: str, sentence: str, retry_after: int | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.ground = ground
        self.retry_after = retry_after

    @property
    def headers(self) -> dict[str, str]:
        """What goes with the answer."""
        headers = {} if self.retry_after is None else {"retry-after": str(self.retry_after)}
        return headers | ({"www-authenticate": "Bearer"} if self.status == 401 else {})


def missing(what: str) -> RefusedError:
    """Return the refusal of something that is not there, or no longer."""
    return RefusedError(404, "not_found", f"There is no such {what}, or it is no longer kept.")
