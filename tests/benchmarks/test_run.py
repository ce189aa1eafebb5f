"""What the rows of `make bench` measure; the clock aside."""

from __future__ import annotations

import run
from echoduet.data.manifest import build_manifest


def test_every_shipped_bundle_predicts_all_images(miniature_busi, monkeypatch):
    manifest = build_manifest(miniature_busi)
    monkeypatch.setattr(run, "rate", lambda step: float(step()))
    rows = list(run.prediction_rows(manifest))
    assert [row.name.split("`")[1] for row in rows] == ["echoduet-base", "echoduet-small"]
    assert "(3 networks)" in rows[0].name
    assert "(1 network)" in rows[1].name
    assert {row.value for row in rows} == {f"{min(len(manifest), 64):.1f} images/s"}
