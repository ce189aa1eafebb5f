from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from echoduet.config.schema import ExperimentConfig
from echoduet.errors import ModelError
from echoduet.evaluation.cases import CaseScore, read_cases, write_cases
from echoduet.experiments.release.outoffold import release_metrics
from echoduet.inference.refusal import threshold_name
from echoduet.models.bundle import rewrite_info, save_bundle
from echoduet.models.info import BundleInfo, read_info
from echoduet.models.registry import build_network
from echoduet.records import CLASSES, Ground, Label
from echoduet.reporting.model_card import render_card, threshold_rows, write_card

CONFIG = ExperimentConfig.model_validate(
    {
        "name": "tiny",
        "preprocess": {"size": 64, "aspect": "pad"},
        "model": {"architecture": "efficientnet_lite0", "tasks": "classification"},
        "split": {"protocol": "clean", "folds": 2},
        "inference": {"flip": True},
    }
)


def scored(rng, n=60):
    raw, refined = [], []
    for i in range(n):
        label = CLASSES[i % 3]
        for rows, sure in ((raw, 1), (refined, 4)):
            p = rng.dirichlet(np.eye(3)[label.position] * sure + 1)
            lesion = label is not Label.NORMAL
            dice = float(rng.random()) if lesion else float(i % 2)
            rows.append(
                CaseScore(
                    f"{label} ({i})", label, None, i % 2, 50, 60,
                    reference_area=90 * lesion, lesions=int(lesion), predicted_area=80 if lesion or dice == 0 else 0,
                    dice=dice, iou=dice / (2 - dice), nsd=dice if lesion else None, hd95=9.0 if lesion else None,
                    assd=4.0 if lesion else None, lesions_found=int(lesion), false_lesions=0,
                    predicted=CLASSES[int(p.argmax())], p_benign=p[0], p_malignant=p[1], p_normal=p[2],
                )
            )  # fmt: skip
    return raw, refined


@pytest.fixture
def released(tmp_path: Path, rng: np.random.Generator) -> tuple[Path, Path]:
    """A bundle and its rows, as a release leaves them."""
    rows, bundle = tmp_path / "results" / "echoduet-tiny" / "oof.csv", tmp_path / "models" / "echoduet-tiny.safetensors"
    write_cases(rows, *scored(rng))
    thresholds = {"mask": 0.45, "temperature": 1.25, "normal_at": 0.1}
    provenance = {
        "storage": "float16", "seeds": [0], "versions": {"torch": "2.9"}, "git_revision": "abc", "about": "Squares.",
        "manifest_sha256": "f00d",
        "out_of_fold": {
            "rows_sha256": hashlib.sha256(rows.read_bytes()).hexdigest(), "folds": 2, "objective": {"text": "Dice"},
            "thresholds": {"0": {"mask": 0.4, "temperature": 1.3}, "1": thresholds},
        },
    }  # fmt: skip
    save_bundle(bundle, build_network(CONFIG.model), BundleInfo(CONFIG, thresholds=thresholds, provenance=provenance))
    return bundle, rows


def test_the_card_says_what_the_rows_say(released, rng):
    card = render_card(*released)
    metrics = release_metrics(*scored(np.random.default_rng(1993)))
    for block, key, name in (
        ("segmentation", "dsc_lesion", "Dice, lesion images"),
        ("classification", "accuracy", "Accuracy"),
    ):
        raw, refined = (metrics[variant][block][key] for variant in ("raw", "refined"))
        cells = [
            f"{e['mean']:.3f} ± {e['sd_folds']:.3f} ({e['ci95'][0]:.3f} – {e['ci95'][1]:.3f})" for e in (raw, refined)
        ]
        assert f"| {name} | {cells[0]} | {cells[1]} |" in card
    row = metrics["reliability"]["refined"][-1]
    assert f"| {row['n']} | {row['confidence']:.3f} | {row['accuracy']:.3f} |" in card
    point = metrics["working_points"]["malignant_at_sensitivity_90"]["sensitivity"]
    assert f"{100 * point['mean']:.1f} % (" in card
    benign = metrics["confusion"]["refined"][0]
    assert f"| **benign** | {benign[0]} | {benign[1]} | {benign[2]} |" in card


def test_it_counts_answers_whose_mask_and_class_differ(released):
    _, refined = read_cases(released[1])
    outlined = sum(row.predicted is Label.NORMAL and row.predicted_area > 0 for row in refined)
    empty = sum(row.predicted is not Label.NORMAL and row.predicted_area == 0 for row in refined)
    assert outlined + empty > 0
    told = f"normal with an outline {outlined}, a lesion without one {empty}, of 60 answers."
    assert told in render_card(*released)


def test_it_names_what_it_is_of_and_what_it_is_not_for(released):
    bundle, _ = released
    card = render_card(*released)
    assert hashlib.sha256(bundle.read_bytes()).hexdigest() in card
    assert "Research use only. Not a medical device." in card
    assert "not BI-RADS categories" in card
    assert "| `mask` | 0.45 | 0.4 | 0.45 |" in card
    assert "| `normal_at` | 0.1 | — | 0.1 |" in card
    assert "aspect ratio kept, black around" in card
    assert "Squares." in card
    assert "Mean of the probabilities of an image and its mirror image." in card
    assert card.count("\n| 44 |") == 1
    assert re.search(r"\{\{|\{%|None\b(?! (in this|beyond|was|may))", card) is None
    assert str(bundle.parent) not in card


def test_every_table_is_whole(released):
    """Each row has as many cells as the head of its table."""
    lines = render_card(*released).splitlines()
    for above, line, below in zip(lines, lines[1:], [*lines[2:], ""], strict=False):
        if re.fullmatch(r"(\|-+)+\|", line):
            assert above.count("|") == line.count("|") == below.count("|"), above


def test_writing_it_again_changes_nothing(released, tmp_path):
    card = write_card(tmp_path / "card.md", *released)
    first = card.read_bytes()
    assert write_card(card, *released).read_bytes() == first


def test_other_rows_and_other_bundles_are_refused(released, tmp_path):
    bundle, rows = released
    text = rows.read_text()
    rows.write_text(text.replace("benign (0)", "benign (9)"))
    with pytest.raises(ModelError, match=r"oof\.csv: not the rows that echoduet-tiny\.safetensors was released with"):
        render_card(bundle, rows)
    with pytest.raises(ModelError, match=r"gone\.csv: cannot be read"):
        render_card(bundle, tmp_path / "gone.csv")
    save_bundle(tmp_path / "m.safetensors", build_network(CONFIG.model), BundleInfo(CONFIG))
    with pytest.raises(ModelError, match="Make it with `echoduet release`"):
        render_card(tmp_path / "m.safetensors", rows)


def test_thresholds_stand_side_by_side():
    assert threshold_rows({"mask": 0.5}, {"0": {"mask": 0.45, "empty_at": 0.7}}) == [
        ["mask", "0.5", "0.45"],
        ["empty_at", "—", "0.7"],
    ]


def test_refusals_have_a_table_of_their_own(released):
    bundle, rows = released
    assert "has no reference of what its cases look like" in render_card(bundle, rows)
    info = read_info(bundle)
    counts = dict.fromkeys(map(str, Ground), 0) | {"colour_doppler": 3, "too_small": 1}
    told = {"cases": 80, "refused": counts, "at_all": 4}
    thresholds = info.thresholds | {threshold_name(ground): 0.5 for ground in Ground}
    rewrite_info(bundle, replace(info, thresholds=thresholds, provenance=info.provenance | {"refusals": told}))
    card = render_card(bundle, rows)
    assert "Of the 80 cases" in card
    assert "| `colour_doppler` | 0.5 | 3 | 3.8% |" in card
    assert "| any of them |  | 4 | 5.0% |" in card
    deciding = card.partition("## Thresholds")[2].partition("## Refusals")[0]
    assert "`mask`" in deciding
    assert "refuse_" not in deciding
