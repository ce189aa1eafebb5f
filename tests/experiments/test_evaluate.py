import dataclasses

import numpy as np
import pytest

from echoduet.data.images import write_png
from echoduet.data.manifest import Manifest
from echoduet.errors import ImageError, ManifestError
from echoduet.experiments.evaluate import Seen, evaluate, group_names, read_reference, seen_cases, show_examples
from echoduet.records import Label


def ids(manifest):
    return [case.case_id for case in manifest]


def tied(manifest, **ties):
    """Return the manifest with some cases' fields changed: `tied(m, **{"benign (1)": {"group": "a"}})`."""
    return manifest.with_cases(dataclasses.replace(case, **ties.get(case.case_id, {})) for case in manifest)


def test_right_answers_score_full_marks(bright, easy):
    (scores,) = evaluate(bright(), easy, ids(easy))
    assert [score.case_id for score in scores.raw] == ids(easy)
    for score, case in zip(scores.raw, easy, strict=True):
        assert (score.height, score.width) == (case.height, case.width)
        assert score.predicted is case.label
        assert score.dice > 0.95
    assert scores.raw == scores.refined


def test_cases_come_in_the_order_asked(bright, easy):
    asked = ["normal (2)", "benign (3)", "malignant (1)"]
    (scores,) = evaluate(bright(), easy, asked)
    assert [score.case_id for score in scores.refined] == asked


def test_several_grids_are_scored_in_one_go(bright, easy):
    native, small = evaluate(bright(), easy, ids(easy), at_sizes=(None, 48))
    assert {(score.height, score.width) for score in small.raw} == {(48, 48)}
    assert (native.at_size, small.at_size) == (None, 48)
    assert len({score.width for score in native.raw}) == 4
    (alone,) = evaluate(bright(), easy, ids(easy), at_sizes=(48,))
    assert alone == small


def test_refining_empties_the_mask_of_what_is_called_normal(bright, easy):
    predictor = bright()
    wrong = dataclasses.replace(easy.case("normal (1)"), case_id="x", masks=())
    image = np.zeros((96, 96), np.uint8)
    image[40:43, 40:44] = 255  # a speck: outlined, but called normal
    write_png(wrong.image, image)
    (scores,) = evaluate(predictor, easy.with_cases([wrong]), ["x"])
    assert (scores.raw[0].dice, scores.refined[0].dice) == (0.0, 1.0)
    assert scores.raw[0].predicted_area > scores.refined[0].predicted_area == 0
    assert scores.raw[0].predicted is scores.refined[0].predicted is Label.NORMAL


def test_folds_and_groups_are_kept(bright, easy):
    manifest = tied(easy, **{"benign (1)": {"group": "copies 7"}, "benign (2)": {"group": "copies 7"}})
    (scores,) = evaluate(bright(), manifest, ids(manifest), folds={"benign (1)": 3})
    by_id = {score.case_id: score for score in scores.raw}
    assert by_id["benign (1)"].fold == 3
    assert by_id["benign (2)"].fold is None
    assert by_id["benign (1)"].group == by_id["benign (2)"].group == "copies 7"
    assert by_id["benign (3)"].group is None


def test_a_group_reaches_through_patients(easy):
    manifest = tied(
        easy,
        **{
            "benign (1)": {"group": "g"},
            "benign (2)": {"group": "g", "patient": "p"},
            "normal (1)": {"patient": "p"},
            "normal (2)": {"patient": "alone"},
        },
    )
    assert group_names(manifest) == dict.fromkeys(["benign (1)", "benign (2)", "normal (1)"], "g")


def test_a_lesion_that_nobody_outlined_has_no_reference_and_a_normal_an_empty_one(easy):
    lesion = dataclasses.replace(easy.case("benign (1)"), masks=())
    normal = dataclasses.replace(easy.case("normal (1)"), masks=())
    assert read_reference(lesion, (96, 112)) is None
    assert not read_reference(normal, (96, 112)).any()


def test_no_case_is_an_error(bright, easy):
    with pytest.raises(ManifestError, match="no case to evaluate"):
        evaluate(bright(), easy, [])


def test_an_image_that_went_bad_is_named(bright, easy):
    easy.case("malignant (2)").image.write_bytes(b"")
    with pytest.raises(ImageError, match=r"malignant \(2\)\.png"):
        evaluate(bright(), easy, ids(easy))


def test_progress_counts_the_cases(bright, easy):
    told = []

    def progress(items, *, label, total=None):
        told.append((label, total))
        yield from items

    evaluate(bright(), easy, ids(easy)[:5], progress=progress)
    assert told == [("evaluating", 5)]


def test_cases_that_the_model_met_are_told_apart(bright, easy):
    info = bright(train_ids=["benign (1)", "benign (2)"], val_ids=["normal (1)"], test_ids=["normal (2)"]).info
    seen = seen_cases(info, easy, ids(easy))
    assert seen == Seen(train=("benign (1)", "benign (2)"), val=("normal (1)",))
    train, val = seen.sentences()
    assert train.startswith("2 of the evaluated cases were in the model's training part (first: benign (1))")
    assert val.startswith("1 of the evaluated cases were in the model's validation part")
    assert seen_cases(info, easy, ["normal (2)"]).sentences() == ()


def test_copies_of_what_the_model_met_are_told(bright, easy):
    manifest = tied(
        easy,
        **{
            "benign (1)": {"group": "g"},
            "benign (2)": {"group": "g"},
            "normal (1)": {"patient": "p"},
            "normal (3)": {"patient": "p"},
        },
    )
    info = bright(train_ids=["benign (1)"], val_ids=["normal (1)"]).info
    seen = seen_cases(info, manifest, ["benign (2)", "normal (3)", "normal (4)"])
    assert seen == Seen(related=("benign (2)", "normal (3)"))
    assert "copies of" in seen.sentences()[0]


def test_names_that_two_data_sets_share_are_not_mistaken(bright, easy):
    learnt = easy.case("benign (1)")
    info = bright(train_ids=["benign (3)"], image_sha256={"benign (3)": learnt.sha256}).info
    assert seen_cases(info, easy, ids(easy)) == Seen(train=("benign (1)",))
    elsewhere = bright(train_ids=["benign (3)"], image_sha256={"benign (3)": "0" * 64}).info
    assert seen_cases(elsewhere, easy, ids(easy)) == Seen()


def test_examples_bring_all_that_is_shown(bright, easy):
    first, second = show_examples(bright(), easy, ["malignant (2)", "normal (1)"])
    assert (first.case.case_id, second.case.case_id) == ("malignant (2)", "normal (1)")
    assert first.image.shape == first.reference.shape == first.answer.mask.shape == (96, 128)
    assert (first.answer.label, second.answer.label) == (Label.MALIGNANT, Label.NORMAL)
    assert not second.answer.mask.any()


def test_no_examples_of_nothing(bright):
    assert show_examples(bright(), Manifest(()), []) == ()
