"""Everything about some results in one ZIP file, written as it is sent."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from echoduet.inference.rows import COLUMNS, LESION_COLUMNS, NOTICE, flat, flat_lesions
from echoduet.service.documents import Document, Documents
from echoduet.service.refusals import RefusedError
from echoduet.service.results import Kept
from echoduet.service.schemas import CalipersBody, Layer, LesionBody, ResultBody

PREDICTION_COLUMNS = (*COLUMNS, "status", "error", "corrected")
"""Those of `echoduet predict`, and three more; `name` is the folder of a result, `file` what its sender calls it."""

CORRECTED_COLUMNS = (*LESION_COLUMNS, "of")
"""Those of `echoduet predict`, and whether a lesion is the answer's, or of a person's mask."""

_LAYERS = tuple(layer for layer in Layer if layer is not Layer.IMAGE)
"""The frame itself is the sender's own, and may show a name."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def archive(
    results: Sequence[Kept], documents: Documents, made: datetime, calipers: Mapping[int, CalipersBody] | None = None
) -> Iterator[bytes]:
    """Yield a ZIP file with the tables, and for each result its layers, overlay, JSON and DICOM files.

    Args:
        results: what goes in.
        documents: makes the files of a result.
        made: time of all entries.
        calipers: what a person measured, by number of the result.
    """
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out:
        for name, content in _entries(results, documents, calipers or {}):
            out.writestr(zipfile.ZipInfo(name, made.timetuple()[:6]), content, zipfile.ZIP_DEFLATED)
            yield pipe.taken()
    yield pipe.taken()


def _entries(
    results: Sequence[Kept], documents: Documents, calipers: Mapping[int, CalipersBody]
) -> Iterator[tuple[str, bytes | str]]:
    yield "NOTICE.txt", f"{NOTICE}\n"
    yield "predictions.csv", table(PREDICTION_COLUMNS, [prediction_row(kept.body) for kept in results])
    yield "lesions.csv", table(CORRECTED_COLUMNS, [row for kept in results for row in lesion_rows(kept.body)])
    problems = []
    for kept in results:
        folder = folder_name(kept.body)
        yield f"{folder}/result.json", _told(kept)
        if kept.body.index in calipers:
            yield f"{folder}/calipers.json", calipers[kept.body.index].model_dump_json(indent=2) + "\n"
        for layer in _LAYERS:
            if layer in kept.layers.pictures:
                yield f"{folder}/{layer.value}.png", kept.layers.pictures[layer]
        for document in (one for one in documents.of(kept) if one is not Document.CAPTURE):  # large, and all drawn
            try:
                yield f"{folder}/{document.value}", documents.make(kept, document)
            except RefusedError as refusal:
                problems.append(f"{folder}/{document.value}: {refusal}\n")
    if problems:
        yield "PROBLEMS.txt", "".join(problems)


def _told(kept: Kept) -> str:
    """Return a result as JSON; where there is an explanation, with what the 255 of its picture stands for."""
    told = kept.body.model_dump(mode="json", exclude={"layers", "documents"})
    if kept.layers.scale is not None:
        told["explanation_scale"] = kept.layers.scale
    return json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def folder_name(body: ResultBody) -> str:
    """Return the folder of a result: its number, and what is harmless of the file's name."""
    stem = body.name.rpartition(".")[0] or body.name
    safe = re.sub(r"[^A-Za-z0-9_-]+", "_", stem).strip("_")[:40]
    return "-".join(part for part in (f"{body.index:04d}", safe) if part)


def table(columns: Sequence[str], rows: Sequence[dict[str, object]]) -> str:
    """Return rows as CSV; what a spreadsheet would take for a formula is quoted by an apostrophe."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({column: _harmless(value) for column, value in row.items()} for row in rows)
    return text.getvalue()


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def prediction_row(body: ResultBody) -> dict[str, object]:
    """Return what predictions.csv says about a result."""
    row = flat(_record(body, body.lesions))
    more = {"status": body.status, "error": body.error, "corrected": int(body.correction_lesions is not None)}
    return {column: value for column, value in (row | more).items() if column in PREDICTION_COLUMNS}


def lesion_rows(body: ResultBody) -> Iterator[dict[str, object]]:
    """Yield what lesions.csv says about a result: a row for each lesion of the answer, then of the correction."""
    for origin, lesions in (("answer", body.lesions), ("correction", body.correction_lesions or [])):
        for row in flat_lesions(_record(body, lesions)):
            yield row | {"of": origin}


def _record(body: ResultBody, lesions: Sequence[LesionBody]) -> dict[str, Any]:
    """Return a result as `inference.rows` knows records."""
    folder, size = folder_name(body), (body.width or 0) * (body.height or 0)
    area = body.lesion_area_px
    places = {"mask": f"{folder}/mask.png", "overlay": f"{folder}/{Document.OVERLAY.value}"}
    return body.model_dump(mode="json") | {
        "name": folder,
        "file": body.name,
        "refused": [check.ground.value for check in body.checks if check.refuses],
        "lesion_area": area,
        "lesion_area_raw": body.lesion_area_raw_px,
        "lesion_share": None if area is None else round(area / size, 6),
        "lesions": [lesion.model_dump() for lesion in lesions],
        **(dict.fromkeys(places) if area is None else places),
    }


class _Pipe(io.RawIOBase):
    """Takes what is written until it is fetched; it cannot seek, so the archive is written from front to back."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece: bytes) -> int:  # type: ignore[override]
        self._pieces.append(bytes(piece))
        return len(piece)

    def taken(self) -> bytes:
        """Return what was written since the last time."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
