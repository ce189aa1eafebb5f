"""`echoduet serve`: what is refused before anything is served, in one sentence and with exit code 2."""

from __future__ import annotations

import json
import shutil
import socket

import pytest

from echoduet.models.shipped import shipped_model


@pytest.fixture
def bundle(tmp_path):
    """A copy of a bundle, to be harmed."""
    path = tmp_path / "model.safetensors"
    shutil.copy(shipped_model("small"), path)
    return path


def refused(call, *words):
    """Return the sentence by which the command is refused."""
    told = call("serve", "--port", "0", *words)
    assert (told.code, told.out) == (2, "")
    assert len(told.err.strip().splitlines()) == 1
    return told.err


def test_a_model_that_is_cut_off_is_told(call, bundle):
    content = bundle.read_bytes()
    bundle.write_bytes(content[: len(content) // 2])
    assert "model.safetensors: not a whole EchoDuet bundle. It may be truncated" in refused(call, "--model", bundle)


def test_a_model_that_was_changed_is_told(call, bundle):
    digest = "0" * 64
    (bundle.parent / "SHA256SUMS").write_text(f"{digest}  model.safetensors\n")
    sentence = refused(call, "--model", bundle)
    assert "model.safetensors: was changed (SHA256SUMS beside it says otherwise)" in sentence


def test_a_model_that_is_not_there_is_told(call, tmp_path):
    assert "there is no such file" in refused(call, "--model", tmp_path / "none.safetensors")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--host", "0.0.0.0"), "--host 0.0.0.0: other machines could ask, so a token is needed."),
        (("--behind-proxy", "127.0.0.1"), "--behind-proxy: other machines could ask, so a token is needed."),
        (("--limit", "size=3"), "--limit size=3: there is no limit 'size'."),
        (("--limit", "queue=none"), "--limit queue=none: 'none' is no positive number"),
        (("--token-file", "missing"), "missing: the token cannot be read."),
        (("--root-path", "echo/"), "--root-path echo/: is no prefix like /echoduet"),
        (("--spool", "missing"), "missing: uploads cannot be kept there"),
    ],
)
def test_what_cannot_be_is_told(call, monkeypatch, words, sentence):
    monkeypatch.delenv("ECHODUET_TOKEN", raising=False)
    assert sentence in refused(call, "--model", "small", *words)


def test_a_port_in_use_is_told_before_the_model_is_read(call):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = call("serve", "--port", port)
    assert (told.code, told.out) == (2, "")
    assert f"--port {port}: cannot be used (Address already in use)" in told.err


def test_the_token_is_no_option(call):
    assert "No such option" in call("serve", "--token", "a-secret-of-some-length").err


@pytest.fixture
def served(monkeypatch):
    """Let the command return at once instead of serving, and keep what it would have served."""
    calls = []

    def serve(*given):
        calls.append(given)
        return len(calls) - 1  # the second time, something was given up

    monkeypatch.setattr("echoduet.service.server.serve", serve)
    monkeypatch.setattr("echoduet.service.logs.start_logging", lambda quiet: None)
    return calls


def test_a_graph_that_was_changed_is_not_used_and_that_is_written_down(call, served, bundle, caplog, monkeypatch):
    monkeypatch.setenv("ECHODUET_CACHE", str(bundle.parent / "cache"))
    monkeypatch.setattr("echoduet.inference.runtimes.takes_gpu", lambda device: False)
    call("serve", "--model", bundle, "--port", "0")
    assert "graph_unused" not in caplog.text
    graph = bundle.with_suffix(".onnx")
    graph.write_bytes(b"changed")
    (graph.parent / f"{graph.name}.sha256").write_text(f"{'0' * 64}  {graph.name}\n")
    call("serve", "--model", bundle, "--port", "0")
    assert served[1][0].predictor.runtime.name == "torch"
    (line,) = [record for record in caplog.records if record.msg == "graph_unused"]
    assert (line.levelname, line.echoduet_fields) == ("WARNING", {"graph": "model.onnx"})


def test_it_tells_where_it_answers_and_what(call, served, tmp_path, monkeypatch):
    monkeypatch.delenv("ECHODUET_TOKEN", raising=False)
    told = call("serve", "--model", "small", "--port", "0", "--limit", "queue=3")
    assert told.code == 0
    assert told.out.startswith("serving model small at http://127.0.0.1:")
    assert told.out.rstrip().endswith("/ (Ctrl-C ends it)")
    settings = served[0][0].settings
    assert (settings.model, settings.bundle, settings.limits.queue) == ("small", "echoduet-small", 3)
    assert settings.card.name == "echoduet-small.md"
    port = told.out.partition("127.0.0.1:")[2].partition("/")[0]
    assert settings.hosts == {f"127.0.0.1:{port}", f"localhost:{port}"}
    (tmp_path / "token").write_text("a-secret-of-some-length\n")
    words = ("--token-file", tmp_path / "token", "--root-path", "/echo", "--allowed-host", "scans.example.org")
    told = call("serve", "--model", "small", "--port", "0", "--json", "--behind-proxy", "127.0.0.1", *words)
    assert told.code == 1  # accepted requests were given up
    found = json.loads(told.out)
    assert found["address"].endswith("/echo/")
    assert (found["model"], found["token"]) == ("small", True)
    assert "a-secret" not in told.out + told.err
    backend, _, proxies = served[1]
    assert proxies == ["127.0.0.1"]
    assert "scans.example.org" in backend.settings.hosts
