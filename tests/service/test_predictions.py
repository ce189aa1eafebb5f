"""POST /v1/predictions: at once or as a job, refused in one sentence, nothing accepted lost."""

from __future__ import annotations

import io
import threading
import time

import numpy as np
import pytest
from PIL import Image

from echoduet.data.phantom_dicom import PhantomExam, draw_exam, phantom_file
from echoduet.inference.rows import NOTICE
from echoduet.service.schemas import JobBody

URL = "/v1/predictions"


def test_a_picture_is_answered_at_once(client, part, disc):
    answer = client.post(URL, files=[part()])
    assert answer.status_code == 200
    job = answer.json()
    JobBody.model_validate(job)
    assert (job["status"], job["files"], job["frames_done"], job["frames_total"]) == ("done", 1, 1, 1)
    assert (job["notice"], job["model"]) == (NOTICE, "base")
    (result,) = job["results"]
    assert (result["status"], result["name"], result["width"], result["height"]) == ("answered", "scan.png", 128, 96)
    assert result["lesion_area_px"] == pytest.approx((disc() > 127).sum(), rel=0.05)
    picture = client.get(result["layers"]["image"])
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(picture.content))), disc())


def test_files_and_frames_come_in_order_and_failures_beside_answers(client, part):
    exam = PhantomExam(seed=3, width=160, frames=2)
    files = [part(), part(phantom_file(exam), "loop.dcm"), part(b"nothing", "bad.png")]
    job = client.post(URL, files=files).json()
    told = [(r["index"], r["file"], r["name"], r["frame"], r["status"]) for r in job["results"]]
    assert told == [
        (0, 0, "scan.png", None, "answered"),
        (1, 1, "loop.dcm", 0, "answered"),
        (2, 1, "loop.dcm", 1, "answered"),
        (3, 2, "bad.png", None, "failed"),
    ]
    box = draw_exam(exam).regions[0].box
    assert job["results"][1]["region"] == {"top": box.top, "left": box.left, "height": box.height, "width": box.width}
    assert job["results"][1]["spacing"] == {"row": 0.25, "column": 0.25}
    assert "bad.png: is no PNG" in job["results"][3]["error"]


def test_many_files_become_a_job(serve, part, wait_for):
    client = serve(sync_files=2)
    answer = client.post(URL, files=[part(name=f"{n}.png") for n in range(3)])
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    done = wait_for(client, job["id"])
    assert (done["status"], [r["name"] for r in done["results"]]) == ("done", ["0.png", "1.png", "2.png"])


def test_the_mode_can_be_chosen(serve, part, wait_for):
    client = serve(sync_files=1)
    assert client.post(URL, files=[part(), part()], params={"mode": "sync"}).status_code == 200
    job = client.post(URL, files=[part()], params={"mode": "job"})
    assert job.status_code == 202
    assert wait_for(client, job.json()["id"])["status"] == "done"


def test_a_long_file_becomes_a_job_once_it_is_opened(serve, part, glow, wait_for):
    glow.seconds = 0.05
    client = serve(sync_frames=3)
    loop = phantom_file(PhantomExam(width=100, frames=8))
    answer = client.post(URL, files=[part(loop, "loop.dcm")])
    assert (answer.status_code, answer.json()["frames_total"]) == (202, 8)
    assert len(wait_for(client, answer.json()["id"])["results"]) == 8


def test_an_answer_that_takes_too_long_becomes_a_job(serve, part, glow, wait_for):
    glow.seconds = 0.3
    client = serve(sync_seconds=0.1)
    answer = client.post(URL, files=[part()])
    assert answer.status_code == 202
    assert wait_for(client, answer.json()["id"])["results"][0]["status"] == "answered"


def test_the_switches_reach_the_analysis(client, part):
    plain = client.post(URL, files=[part()], params={"uncertain": "false"}).json()["results"][0]
    assert (plain["uncertainty"], plain["layers"]["uncertainty"], plain["layers"]["explanation"]) == (None, None, None)
    full = client.post(URL, files=[part()], params={"explain": "true"}).json()["results"][0]
    assert full["uncertainty"]["readings"] == 2
    assert client.get(full["layers"]["explanation"]).headers["x-echoduet-scale"]


def test_where_nothing_can_be_read_the_request_is_refused(client, part):
    one = client.post(URL, files=[part(b"<html>", "a.png")])
    assert (one.status_code, list(one.json())) == (422, ["error"])
    assert one.json()["error"].startswith("a.png: is no PNG")
    two = client.post(URL, files=[part(b"<html>", "a.png"), part(b"", "b.png")])
    assert two.json()["error"].endswith("(1 more failed.)")
    assert client.backend.jobs.held == 0


def test_where_the_server_is_to_blame_it_says_so(client, part, glow):
    glow.fails_on = 20
    answer = client.post(URL, files=[part()])
    assert (answer.status_code, answer.json()["error"]) == (
        500,
        "scan.png: the analysis failed, by a fault of this server.",
    )


def test_a_page_in_a_picture_comes_back_as_a_picture_only(client, part, disc):
    script = b"<html><script>alert(1)</script></html>"
    buffer = io.BytesIO()
    Image.fromarray(disc()).save(buffer, "PNG")
    for content in (buffer.getvalue() + script, buffer.getvalue().replace(b"IEND", b"IEND" + script, 1)):
        answer = client.post(URL, files=[part(content, "page.html")])
        if answer.status_code == 422:
            continue
        (result,) = answer.json()["results"]
        for address in filter(None, [*result["layers"].values(), *result["documents"].values()]):
            served = client.get(address)
            assert served.headers["content-type"] in ("image/png", "application/gzip")
            assert served.headers["x-content-type-options"] == "nosniff"
            assert b"script" not in served.content


def test_a_full_queue_is_told_with_when_to_come_back(serve, part, glow):
    glow.seconds = 1.0
    client = serve(queue=2)
    jobs = [client.post(URL, files=[part()], params={"mode": "job"}) for _ in range(3)]
    assert [job.status_code for job in jobs] == [202, 202, 503]
    assert int(jobs[2].headers["retry-after"]) > 0
    assert client.get("/readyz").status_code == 503
    assert client.get("/readyz").json()["problems"] == ["queue_full"]


def test_two_hundred_clients_at_once_are_answered_or_told_to_come_back(serve, part, glow):
    glow.seconds = 0.01
    client = serve(queue=20)
    statuses, lock = [], threading.Lock()

    def ask():
        answer = client.post(URL, files=[part()])
        with lock:
            statuses.append(answer.status_code)
            if answer.status_code == 200:
                assert answer.json()["results"][0]["status"] == "answered"

    threads = [threading.Thread(target=ask) for _ in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(statuses) == 200
    assert set(statuses) <= {200, 503}
    assert statuses.count(200) >= 20
    assert (client.backend.jobs.open, client.backend.spool.held) == (0, 0)
    assert max(glow.batches) <= 4


def test_after_every_kind_of_answer_no_upload_is_left(client, part):
    client.post(URL, files=[part(), part(b"bad", "b.png")])
    client.post(URL, files=[part(b"bad", "b.png")])
    client.post(URL, files=[("other", ("a.png", b"x"))])
    client.post(URL)
    client.post(URL, content=b"--x", headers={"content-type": "multipart/form-data; boundary=x"})
    deadline = time.monotonic() + 5
    while client.backend.spool.held and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (client.backend.spool.held, client.backend.uploading) == (0, 0)
