"""Everything about some results in one ZIP file, written as it is sent."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime

from echoduet.records import CLASSES
from echoduet.service.documents import Document, Documents
from echoduet.service.results import Kept
from echoduet.service.schemas import NOTICE, Layer, LesionBody, ResultBody

PREDICTION_COLUMNS = (
    "result", "name", "frame", "status", "error", "width", "height", "label", "label_raw",
    *(f"probability_{label}" for label in CLASSES), "lesion_area_px", "lesion_area_raw_px", "lesions", "outline_spread",
    "refused_on", "corrected",
)  # fmt: skip
LESION_COLUMNS = (
    "result", "name", "frame", "of", "number", "top", "left", "box_height", "box_width", "centre_row", "centre_column",
    "unit", "area", "longest", "shortest", "width", "height", "width_height_ratio", "orientation", "circularity",
    "probability",
)  # fmt: skip

_LAYERS = (Layer.MASK, Layer.MASK_RAW, Layer.CORRECTION)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def archive(results: Sequence[Kept], documents: Documents, made: datetime) -> Iterator[bytes]:
    """Yield a ZIP file with the tables, and for each result its masks, overlay, JSON and DICOM files.

    Args:
        results: what goes in.
        documents: makes the files of a result.
        made: time of all entries.
    """
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out:
        for name, content in _entries(results, documents):
            out.writestr(zipfile.ZipInfo(name, made.timetuple()[:6]), content, zipfile.ZIP_DEFLATED)
            yield pipe.taken()
    yield pipe.taken()


def _entries(results: Sequence[Kept], documents: Documents) -> Iterator[tuple[str, bytes | str]]:
    yield "NOTICE.txt", f"{NOTICE}\n"
    yield "predictions.csv", table(PREDICTION_COLUMNS, [prediction_row(kept.body) for kept in results])
    yield "lesions.csv", table(LESION_COLUMNS, [row for kept in results for row in lesion_rows(kept.body)])
    for kept in results:
        folder = folder_name(kept.body)
        yield f"{folder}/result.json", kept.body.model_dump_json(indent=2, exclude={"layers", "documents"}) + "\n"
        for layer in _LAYERS:
            if layer in kept.layers.pictures:
                yield f"{folder}/{layer.value}.png", kept.layers.pictures[layer]
        for document in documents.of(kept):
            if document is not Document.CAPTURE:
                yield f"{folder}/{document.value}", documents.make(kept, document)


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
    shares = body.probabilities
    return {
        **_head(body),
        **body.model_dump(include={"status", "error", "width", "height", "lesion_area_px", "lesion_area_raw_px"}),
        "label": body.label and body.label.value,
        "label_raw": body.label_raw and body.label_raw.value,
        **{f"probability_{label}": getattr(shares, label.value, None) for label in CLASSES},
        "lesions": len(body.lesions),
        "outline_spread": body.uncertainty and body.uncertainty.outline,
        "refused_on": ";".join(check.ground for check in body.checks if check.refuses),
        "corrected": int(body.correction_lesions is not None),
    }


def lesion_rows(body: ResultBody) -> Iterator[dict[str, object]]:
    """Yield what lesions.csv says about a result: a row for each lesion of the answer, then of the correction."""
    for origin, lesions in (("answer", body.lesions), ("correction", body.correction_lesions or [])):
        for lesion in lesions:
            yield _head(body) | {"of": origin} | _lesion(lesion)


def _head(body: ResultBody) -> dict[str, object]:
    return {"result": body.index, "name": body.name, "frame": body.frame}


def _lesion(lesion: LesionBody) -> dict[str, object]:
    box, centre = lesion.box, lesion.centre
    place: dict[str, object] = {"top": box.top, "left": box.left, "box_height": box.height, "box_width": box.width}
    place |= {"centre_row": centre.row, "centre_column": centre.column}
    return place | lesion.model_dump(exclude={"box", "centre"})


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
