"""Which cases must stay together: one duplicate group, one patient, or equal files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from echoduet.records import Case


def bonds(case: Case) -> dict[str, tuple[str, ...]]:
    """Return what ties a case to others, by the kind of tie; cases that share any of them belong together.

    Patients are told apart by data set, since two of them may count their patients from 1.
    """
    known = {
        "group": (case.group,) if case.group else None,
        "patient": (case.source, case.patient) if case.patient else None,
        "equal files": (case.sha256,) if case.sha256 else None,
    }
    return {kind: value for kind, value in known.items() if value is not None}


def group_numbers(cases: Sequence[Case]) -> NDArray[np.intp]:
    """Return a number for each case, equal where cases are tied, directly or through others, `(N,)`.

    Numbers count up in the order in which the groups first appear.
    """
    first: dict[tuple[str, tuple[str, ...]], int] = {}
    edges = [(i, first.setdefault(bond, i)) for i, case in enumerate(cases) for bond in bonds(case).items()]
    rows, columns = np.array(edges or [(0, 0)]).T
    graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(len(cases), len(cases)))
    _, component = connected_components(graph, directed=False)
    _, first_seen, inverse = np.unique(component, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first_seen))[inverse]
