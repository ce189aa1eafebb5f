"""/v1/jobs/{id}/results: pictures, files, and corrections."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from echoduet.service.layers import png
from echoduet.service.schemas import Layer, ResultBody

PNG = {"content-type": "image/png"}


@pytest.fixture
def result(client, part):
    """An answered result, as it was sent."""
    return client.post("/v1/predictions", files=[part()]).json()["results"][0]


@pytest.fixture
def base(result):
    """The address of the result."""
    return result["layers"]["image"].partition("/layers/")[0]


def pixels(answer):
    """Decode a picture that was sent."""
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def test_every_layer_that_is_named_is_there_and_no_other(client, result, base):
    for layer in Layer:
        answer = client.get(f"{base}/layers/{layer.value}.png")
        if result["layers"][layer.value]:
            assert pixels(answer).shape == (96, 128)
            assert answer.headers["cache-control"] == "private, no-store"
        else:
            assert (answer.status_code, f"layer '{layer.value}'" in answer.json()["error"]) == (404, True)
    assert client.get(f"{base}/layers/secret.png").status_code == 422


@pytest.mark.parametrize("path", ["/results/7/layers/image.png", "/results/-1/layers/image.png", "/results/x/layers/a"])
def test_what_is_not_there_is_told(client, base, path):
    assert client.get(base.partition("/results/")[0] + path).status_code in (404, 422)


def test_a_correction_is_kept_and_measured_and_taken_back(client, result, base):
    mask = np.zeros((96, 128), np.uint8)
    cv2.circle(mask, (40, 40), 10, 255, -1)
    corrected = client.put(f"{base}/correction", content=png(mask), headers=PNG).json()
    ResultBody.model_validate(corrected)
    np.testing.assert_array_equal(pixels(client.get(corrected["layers"]["correction"])), mask)
    (lesion,) = corrected["correction_lesions"]
    assert lesion["area"] == (mask > 0).sum()
    assert (lesion["centre"]["row"], lesion["centre"]["column"]) == pytest.approx((40, 40))
    assert corrected["lesions"] == result["lesions"]
    job = client.get(base.partition("/results/")[0]).json()
    assert job["results"][0] == corrected
    assert client.delete(f"{base}/correction").json() == result
    assert client.get(f"{base}/layers/correction.png").status_code == 404


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (png(np.zeros((5, 5), np.uint8)), PNG, 422),
        (b"\x89PNG\r\n\x1a\nbroken", PNG, 422),
        (b"GIF89a", PNG, 415),
        (b"{}", {"content-type": "application/json"}, 415),
        (b"x" * 3000, PNG, 413),
    ],
)
def test_a_correction_that_is_none_changes_nothing(serve, part, content, headers, status):
    client = serve(request_bytes=2000)
    result = client.post("/v1/predictions", files=[part()]).json()["results"][0]
    base = result["layers"]["image"].partition("/layers/")[0]
    answer = client.put(f"{base}/correction", content=content, headers=headers)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert client.get(base.partition("/results/")[0]).json()["results"][0] == result


def test_a_failed_result_cannot_be_corrected(client, part):
    job = client.post("/v1/predictions", files=[part(), part(b"bad", "b.png")]).json()
    answer = client.put(f"/v1/jobs/{job['id']}/results/1/correction", content=png(np.zeros((5, 5), np.uint8)))
    assert answer.status_code == 409


def test_the_overlay_is_a_file_to_keep(client, base):
    answer = client.get(f"{base}/documents/overlay.png")
    assert pixels(answer).shape[2] == 3
    assert answer.headers["content-disposition"] == 'attachment; filename="result-0.overlay.png"'
    missing = client.get(f"{base}/documents/seg.dcm")
    assert (missing.status_code, "seg.dcm" in missing.json()["error"]) == (404, True)
