"""Several bundles made into one, whose network is their ensemble."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from echoduet.config.schema import ExperimentConfig
from echoduet.errors import ModelError
from echoduet.models.bundle import load_bundle, save_bundle
from echoduet.models.ensemble import Ensemble
from echoduet.models.info import BundleInfo
from echoduet.models.network import Network
from echoduet.models.storage import Storage

_IDS = ("train_ids", "val_ids", "test_ids")


def join_bundles(
    paths: Sequence[Path],
    out: Path,
    storage: Storage = "float32",
    thresholds: Mapping[str, float] | None = None,
    provenance: Mapping[str, Any] | None = None,
    config: ExperimentConfig | None = None,
) -> BundleInfo:
    """Write the ensemble of several bundles' networks as one bundle; return what it says about itself.

    Args:
        paths: the bundles: one configuration, but for the seed; a bundle of several members brings all of them.
        out: the bundle to write.
        storage: how its weights lie in the file.
        thresholds: the ensemble's own; by default those on which all bundles agree.
        provenance: what to add to what the bundles say; the cases that any member met are joined.
        config: the experiment that the ensemble is of, for its name and inference; by default the first bundle's.

    Raises:
        ModelError: there is no bundle, one cannot be read, or two have different configurations.
        OutputError: the file cannot be written.
    """
    loaded = [load_bundle(path) for path in paths]
    if not loaded:
        raise ModelError("There is no bundle to join. Give at least one.")
    infos = [info for _, info in loaded]
    for path, info in zip(paths, infos, strict=True):
        _require_same(paths[0], config or infos[0].config, path, info.config)
    members = [member for network, _ in loaded for member in members_of(network)]
    shared = {
        key: value for key, value in infos[0].thresholds.items() if all(i.thresholds.get(key) == value for i in infos)
    }
    joined = BundleInfo(
        config=_with_members(config or infos[0].config, len(members)),
        thresholds=dict(shared if thresholds is None else thresholds),
        provenance={**_joined([info.provenance for info in infos]), "storage": storage, **(provenance or {})},
    )
    save_bundle(out, members[0] if len(members) == 1 else Ensemble(members), joined, storage)
    return joined


def members_of(network: Network) -> list[Network]:
    """Return the networks of an ensemble, or the one network that it is."""
    if isinstance(network, Ensemble):
        return [member for member in network.members if isinstance(member, Network)]
    return [network]


def _with_members(config: ExperimentConfig, members: int) -> ExperimentConfig:
    return config.model_copy(update={"model": config.model.model_copy(update={"members": members})})


def learnt(config: ExperimentConfig) -> dict[str, Any]:
    """Return the sections that decide what a network learns from given cases, but for the seed."""
    aside = {"seed", "name", "description", "runtime", "split", "inference"}
    return _with_members(config, 1).model_dump(mode="json", exclude=aside)


def _require_same(first: Path, config: ExperimentConfig, path: Path, other: ExperimentConfig) -> None:
    mine, theirs = learnt(config), learnt(other)
    changed = sorted(key for key in mine if mine[key] != theirs[key])
    if changed:
        raise ModelError(
            f"{path}: was trained with another {', '.join(changed)} than {first}. Join bundles of one configuration."
        )


def _joined(provenances: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what is true of all members, the cases that any of them met, and each one's own story.

    A case counts as tested only where no member met it.
    """
    train, val, test = ({i for p in provenances for i in p.get(key, ())} for key in _IDS)
    hashes = {k: v for p in provenances for k, v in p.get("image_sha256", {}).items()}
    left_out = {*_IDS, "image_sha256", "source"}  # a source is a place on somebody's machine
    first, alone = provenances[0], {*left_out, "tuning"}  # what was tuned for one network was not for all as one
    common = {k: v for k, v in first.items() if k not in alone and all(p.get(k) == v for p in provenances)}
    own = [{k: v for k, v in p.items() if k not in left_out and k not in common} for p in provenances]
    met = {"train_ids": sorted(train), "val_ids": sorted(val - train), "test_ids": sorted(test - train - val)}
    return {**common, **met, "image_sha256": hashes, "members": own}
