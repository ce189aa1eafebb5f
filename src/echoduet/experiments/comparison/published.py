"""What the paper reports of its own ablation, to stand beside ours.

Source: Aumente-Maestro, Díez, Remeseiro, "A multi-task framework for breast cancer segmentation and classification in
ultrasound imaging", Computer Methods and Programs in Biomedicine 260:108540 (2025), Table 5: UNet++, mean ± standard
deviation over the four test folds of 450 images, masks scored at 128 x 128. The Dice of lesion images alone is not in
the paper; it is computed from the per-class figures and the class sizes, and has no spread.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from echoduet.records import Label

SOURCE = "Aumente-Maestro et al. 2025, Table 5 (UNet++, 450 images, four folds, 128 x 128)"

_COLUMNS = (
    "dsc_benign", "dsc_malignant", "dsc_normal", "dsc_all", "f1_benign", "f1_malignant", "f1_normal", "f1_weighted",
    "accuracy", "dsc_lesion",
)  # fmt: skip

_TABLE = """
ST(Seg)          | .799±.036 | .731±.040 | .000±.000 | .661±.017 |           |           |           |           |           | .770
ST(Seg)+DO       | .797±.056 | .730±.052 | .234±.469 | .692±.044 |           |           |           |           |           | .769
ST(Cls)          |           |           |           |           | .707±.057 | .673±.069 | .694±.048 | .693±.038 | .698±.038 |
ST(Cls)+DO       |           |           |           |           | .745±.018 | .717±.077 | .643±.088 | .720±.042 | .725±.036 |
ST(Seg+Cls)+PR   | .744±.051 | .726±.041 | .719±.081 | .734±.031 | .707±.057 | .673±.069 | .694±.048 | .693±.038 | .698±.038 | .736
ST(Seg+Cls)+PR+DO| .770±.046 | .730±.052 | .656±.231 | .739±.023 | .751±.025 | .717±.077 | .679±.116 | .729±.049 | .733±.043 | .753
MT               | .806±.055 | .713±.066 | .000±.000 | .658±.025 | .788±.018 | .687±.070 | .643±.162 | .730±.036 | .742±.028 | .767
MT+PR            | .787±.057 | .707±.062 | .594±.277 | .731±.025 | .788±.018 | .687±.070 | .643±.162 | .730±.036 | .742±.028 | .753
MT+DO            | .773±.050 | .717±.058 | .703±.156 | .742±.018 | .830±.015 | .789±.023 | .721±.094 | .799±.018 | .802±.027 | .749
MT+PR+DO         | .773±.050 | .711±.057 | .781±.157 | .751±.018 | .826±.029 | .791±.025 | .741±.060 | .801±.026 | .802±.018 | .747
"""  # noqa: E501


@dataclass(frozen=True, slots=True)
class Published:
    """One figure of the paper: its mean over folds, and the standard deviation over folds where it is given."""

    mean: float
    sd: float | None = None


def _read(table: str) -> dict[str, dict[str, Published]]:
    settings: dict[str, dict[str, Published]] = {}
    for line in table.strip().splitlines():
        name, *cells = (cell.strip() for cell in line.split("|"))
        settings[name] = {key: _figure(cell) for key, cell in zip(_COLUMNS, cells, strict=True) if cell}
    return settings


def _figure(cell: str) -> Published:
    mean, _, sd = cell.partition("±")
    return Published(float(mean), float(sd) if sd else None)


TABLE5: Mapping[str, Mapping[str, Published]] = _read(_TABLE)
"""Per setting, in the paper's order: the published figures under the keys of `metrics.json`."""

IMAGES: Mapping[Label, int] = {Label.BENIGN: 222, Label.MALIGNANT: 164, Label.NORMAL: 64}
"""The images that the published figures are of, by class."""

AGREEMENT = "|ours - paper| <= 2 * sqrt(sd_ours^2 + sd_paper^2), standard deviations over folds"
"""When a figure of ours counts as agreeing with the paper's."""


FOLDS = 4
"""The test folds that the published figures are means over, stratified by class."""


def may_stand_beside(cases: Iterable[tuple[Label, int | None]]) -> bool:
    """Tell whether these cases can be the paper's 450 images, or whole test folds of them.

    Args:
        cases: class and fold of each; without folds they must be all that the paper has.
    """
    counts: dict[int | None, Counter[Label]] = {}
    for label, fold in cases:
        counts.setdefault(fold, Counter())[label] += 1
    if None in counts:
        return counts == {None: Counter(IMAGES)}
    shares = {label: count / FOLDS for label, count in IMAGES.items()}
    fits = all(abs(count[label] - share) < 1 for count in counts.values() for label, share in shares.items())
    return len(counts) <= FOLDS and fits


def beside(published: Published, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the paper's figure, our difference to it, and whether both agree within their spread.

    Args:
        published: the paper's figure.
        entry: ours, as in `metrics.json`.

    Returns:
        `mean`, `sd`, `difference` (ours minus the paper's) and `agrees` by the rule `AGREEMENT`; the last two are None
        where there is nothing to judge by.
    """
    mean, sd = entry.get("mean"), entry.get("sd_folds")
    told: dict[str, Any] = {"mean": published.mean, "sd": published.sd, "difference": None, "agrees": None}
    if mean is None:
        return told
    told["difference"] = mean - published.mean
    if sd is not None and published.sd is not None:
        told["agrees"] = abs(mean - published.mean) <= 2 * (sd**2 + published.sd**2) ** 0.5
    return told


def partners(name: str, names: Mapping[str, Any] | tuple[str, ...]) -> tuple[str, ...]:
    """Return the single-task settings among `names` with the same options as the multi-task setting `name`.

    `MT+DO` answers with `ST(Seg)+DO`, `ST(Cls)+DO` and `ST(Seg+Cls)+DO`, those that exist; any words around stay.
    """
    if not re.search(r"(?<!\w)MT(?!\w)", name):
        return ()
    singles = (re.sub(r"(?<!\w)MT(?!\w)", f"ST({task})", name) for task in ("Seg", "Cls", "Seg+Cls"))
    return tuple(single for single in singles if single in names)
