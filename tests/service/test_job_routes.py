"""/v1/jobs: how far, what came of it, and gone when it is to be gone."""

from __future__ import annotations


def test_a_job_can_be_asked_for_while_it_runs(serve, part, glow, wait_for):
    glow.seconds = 0.1
    client = serve()
    job_id = client.post("/v1/predictions?mode=job", files=[part() for _ in range(9)]).json()["id"]
    seen = client.get(f"/v1/jobs/{job_id}").json()
    assert (seen["status"] in ("queued", "running"), seen["finished"]) == (True, None)
    done = wait_for(client, job_id)
    assert (done["frames_done"], done["frames_total"], len(done["results"])) == (9, 9, 9)
    assert done["finished"] > done["created"]
    late = client.get(f"/v1/jobs/{job_id}", params={"start": 7}).json()
    assert [result["index"] for result in late["results"]] == [7, 8]
    assert client.get(f"/v1/jobs/{job_id}", params={"start": -1}).status_code == 422


def test_an_unread_job_is_read_by_asking_for_it(client, part, wait_for):
    job_id = client.post("/v1/predictions?mode=job", files=[part()]).json()["id"]
    while client.backend.jobs.open:
        pass
    assert client.backend.jobs.unread == 1
    wait_for(client, job_id)
    assert client.backend.jobs.unread == 0


def test_a_job_is_forgotten_at_once(client, part):
    job = client.post("/v1/predictions", files=[part()]).json()
    address = f"/v1/jobs/{job['id']}"
    answer = client.delete(address)
    assert (answer.status_code, answer.content) == (204, b"")
    for gone in (client.get(address), client.delete(address), client.get(job["results"][0]["layers"]["image"])):
        assert (gone.status_code, gone.json()["error"]) == (
            404,
            "There is no such job, or it is no longer kept.",
        )
    assert client.backend.jobs.held == 0


def test_a_running_job_is_ended_by_forgetting_it(serve, part, glow):
    glow.seconds = 0.2
    client = serve()
    job_id = client.post("/v1/predictions?mode=job", files=[part() for _ in range(40)]).json()["id"]
    assert client.delete(f"/v1/jobs/{job_id}").status_code == 204
    assert client.backend.jobs.open == 0
    assert client.post("/v1/predictions", files=[part()]).status_code == 200
    assert sum(glow.batches) < 40


def test_addresses_carry_the_prefix_of_a_proxy(serve, part):
    client = serve(root_path="/echo")
    job = client.post("/v1/predictions", files=[part()]).json()
    assert job["results"][0]["layers"]["image"].startswith(f"/echo/v1/jobs/{job['id']}/results/0/layers/")
    location = client.post("/v1/predictions?mode=job", files=[part()]).headers["location"]
    assert location.startswith("/echo/v1/jobs/")
    assert client.get(location.removeprefix("/echo")).status_code == 200
