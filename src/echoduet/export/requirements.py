"""What exporting needs beyond what every installation has."""

from __future__ import annotations

from importlib.util import find_spec

from echoduet.errors import ModelError
from echoduet.inference.exported import Format

_MAKERS: dict[Format, tuple[str, ...]] = {
    "onnx": ("onnx", "onnxruntime"),
    "openvino": ("onnx", "onnxruntime", "openvino"),
}


def require_makers(to: Format) -> None:
    """Refuse a format whose packages are not installed.

    Raises:
        ModelError: says how to install them.
    """
    if missing := [name for name in _MAKERS[to] if find_spec(name) is None]:
        raise ModelError(f"Exporting to {to} needs {' and '.join(missing)}. Run `pip install 'echoduet[{to}]'`.")
