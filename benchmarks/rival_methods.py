"""Other people's duplicate finders, one at a time. Runs in the environment that `curation_rivals.py` makes.

    .venv-rivals/bin/python benchmarks/rival_methods.py "imagehash phash 8" distances.npz folder [folder ...]

Each folder holds PNGs. For each, the distances of all pairs are written, `(N, N)`, in the order of the file names, with
the seconds that describing and comparing took. Nothing of EchoDuet is imported here.
"""

from __future__ import annotations

import contextlib
import io
import sys
import time
import types
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Distances = NDArray[np.float32]
Measured = tuple[Distances, float, float]
"""Distances `(N, N)`, seconds for describing, seconds for comparing."""

Method = Callable[[Sequence[Path]], Measured]

IMAGEDEDUP = ("PHash", "DHash", "WHash", "AHash")
IMAGEHASH = ("phash", "phash_simple", "dhash", "dhash_vertical", "whash", "average_hash")
CLEANVISION = ("phash", "whash", "ahash", "dhash")
SIZES = (4, 6, 8)
APART = 1e9
"""Distance of images that a method does not compare."""


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return what `work` returns, and its seconds."""
    started = time.perf_counter()
    value = work()
    return value, time.perf_counter() - started


def hamming(bits: NDArray[np.bool_]) -> Distances:
    """Return the number of differing bits of all pairs of rows, `(N, N)`."""
    signs = 1.0 - 2.0 * bits.astype(np.float32)
    return np.asarray((bits.shape[1] - signs @ signs.T) / 2, dtype=np.float32)


def imagededup(name: str, files: Sequence[Path]) -> Measured:
    """Run one of imagededup's hashes; its search is timed at the threshold of 10 that is its default."""
    # Its package imports torch for a network whose weights it downloads; the hashes need neither.
    for module, member in (("imagededup.methods.cnn", "CNN"), ("imagededup.utils.models", "CustomModel")):
        sys.modules[module] = types.ModuleType(module)
        setattr(sys.modules[module], member, None)
    from imagededup import methods

    hasher = getattr(methods, name)(verbose=False)
    encode = partial(hasher.encode_images, image_dir=str(files[0].parent), num_enc_workers=2)
    encodings, describing = timed(encode)
    _, comparing = timed(lambda: hasher.find_duplicates(encoding_map=encodings, num_dist_workers=2))
    codes = [np.array(list(encodings[file.name])) for file in files]
    bits = np.array([[int(digit, 16) >> k & 1 for digit in code for k in range(4)] for code in codes], dtype=np.bool_)
    return hamming(bits), describing, comparing


def imagehash(name: str, size: int, files: Sequence[Path]) -> Measured:
    """Run one of imagehash's hashes of `size` x `size` bits."""
    import imagehash as package

    def describe() -> NDArray[np.bool_]:
        hashed = [getattr(package, name)(opened(file), hash_size=size) for file in files]
        return np.array([one.hash.ravel() for one in hashed], dtype=np.bool_)

    bits, describing = timed(describe)
    distances, comparing = timed(lambda: hamming(bits))
    return distances, describing, comparing


def crop_resistant(files: Sequence[Path]) -> Measured:
    """Run imagehash's crop-resistant hash; the distance is its own, the smaller one of both directions."""
    import imagehash as package

    hashes, describing = timed(lambda: [package.crop_resistant_hash(opened(file)) for file in files])

    def compare() -> Distances:
        return np.array([[a - b for b in hashes] for a in hashes], dtype=np.float32)

    distances, comparing = timed(compare)
    return np.minimum(distances, distances.T), describing, comparing


def opened(file: Path) -> Image.Image:
    """Return the decoded picture."""
    with Image.open(file) as picture:
        picture.load()
    return picture


def cleanvision(name: str, size: int, files: Sequence[Path]) -> Measured:
    """Run cleanvision: images whose hashes of `size` x `size` bits are equal are 0 apart, others do not compare."""
    from cleanvision import Imagelab

    lab = Imagelab(filepaths=[str(file) for file in files], verbose=False)
    issues = {"exact_duplicates": {}, "near_duplicates": {"hash_type": name, "hash_size": size}}
    _, seconds = timed(lambda: lab.find_issues(issues, n_jobs=2, verbose=False))
    place = {str(file): n for n, file in enumerate(files)}
    distances = np.full((len(files), len(files)), APART, dtype=np.float32)
    for kind in issues:
        for group in lab.info[kind]["sets"]:
            rows = [place[str(member)] for member in group]
            distances[np.ix_(rows, rows)] = 0.0
    return distances, seconds, 0.0


def difpy(files: Sequence[Path]) -> Measured:
    """Run difPy with pictures of every size compared, at the greatest similarity that is still swept."""
    import difPy
    from difPy import dif

    folder = str(files[0].parent)
    built, describing = timed(lambda: difPy.build(folder, show_progress=False, processes=2))
    search = partial(difPy.search, built, similarity="similar", same_dim=False, show_progress=False, processes=2)
    _, comparing = timed(search)
    # Its result lists groups only, so the distances behind them are taken from its own function, on its own tensors.
    names = {Path(name).name: tensor for tensor, name in built._filename_dictionary.items()}
    tensors = [built._tensor_dictionary[names[file.name]] for file in files]
    distances = np.full((len(files), len(files)), APART, dtype=np.float32)
    for i, a in enumerate(tensors):
        for j in range(i):
            distances[i, j] = distances[j, i] = dif._compare_imgs._compute_mse(a, tensors[j], rotate=True)
    return distances, describing, comparing


METHODS: dict[str, Method] = {
    **{f"imagededup {name}": partial(imagededup, name) for name in IMAGEDEDUP},
    **{f"imagehash {name} {size}": partial(imagehash, name, size) for name in IMAGEHASH for size in (8, 16)},
    "imagehash crop_resistant": crop_resistant,
    **{
        f"cleanvision {name} {size}": partial(cleanvision, name, size)
        for name in CLEANVISION
        for size in SIZES
        if name != "whash" or size != 6  # wavelets want a power of two
    },
    "difPy": difpy,
}
"""Every method with every setting that is no threshold."""


def main(name: str, out: Path, folders: Sequence[Path]) -> None:
    """Run one method on all folders."""
    arrays: dict[str, NDArray[Any]] = {}
    for n, folder in enumerate(folders):
        with contextlib.redirect_stdout(io.StringIO()):
            distances, describing, comparing = METHODS[name](sorted(folder.glob("*.png")))
        arrays |= {f"distances_{n}": distances, f"seconds_{n}": np.array([describing, comparing])}
    np.savez_compressed(out, **arrays)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), [Path(folder) for folder in sys.argv[3:]])
