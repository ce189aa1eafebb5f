"""Who is answered."""

from __future__ import annotations

import pytest

from echoduet.errors import ConfigError
from echoduet.service.security import (
    Token,
    is_cross_site,
    is_foreign_origin,
    is_loopback,
    local_hosts,
    names_host,
    page_policy,
    read_token,
)

SECRET = "a-secret-of-some-length"


@pytest.mark.parametrize(
    ("header", "admitted"),
    [
        (f"Bearer {SECRET}", True),
        (f"bearer  {SECRET} ", True),
        (f"Bearer {SECRET}x", False),
        (f"Bearer {SECRET[:-1]}", False),
        (f"Basic {SECRET}", False),
        (SECRET, False),
        ("Bearer", False),
        ("Bearer \xfc", False),
        ("", False),
        (None, False),
    ],
)
def test_only_the_bearer_of_the_token_is_admitted(header, admitted):
    assert Token(SECRET).admits(header) is admitted


def test_the_token_is_read_from_the_file_before_the_environment(tmp_path):
    file = tmp_path / "token"
    file.write_text(f"{SECRET}\n")
    assert read_token(file, {"ECHODUET_TOKEN": "another-secret-of-some-length"}).admits(f"Bearer {SECRET}")
    assert read_token(None, {"ECHODUET_TOKEN": SECRET}).admits(f"Bearer {SECRET}")
    assert read_token(None, {}) is None


@pytest.mark.parametrize("text", ["", "short", "has a space in it, which is wrong", "ümlaut-ümlaut-ümlaut"])
def test_a_token_that_is_none_is_refused(tmp_path, text):
    file = tmp_path / "token"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="token: a token has at least 16 visible ASCII characters"):
        read_token(file, {})
    with pytest.raises(ConfigError, match=r"^ECHODUET_TOKEN: a token has"):
        read_token(None, {"ECHODUET_TOKEN": text})


def test_a_file_that_cannot_be_read_is_told_without_what_it_holds(tmp_path):
    with pytest.raises(ConfigError, match="token: the token cannot be read"):
        read_token(tmp_path / "token", {})
    (tmp_path / "binary").write_bytes(b"\xff\xfe" * 20)
    with pytest.raises(ConfigError, match="binary: the token cannot be read"):
        read_token(tmp_path / "binary", {})


def test_hosts_are_named_with_or_without_their_port():
    allowed = local_hosts(8000) | {"scans.example.org"}
    assert all(names_host(host, allowed) for host in ("127.0.0.1:8000", "localhost:8000", "scans.example.org:443"))
    assert names_host("scans.example.org", allowed)
    assert not any(names_host(host, allowed) for host in ("127.0.0.1:80", "127.0.0.1", "", "scans.example.org.evil"))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_loopback(host):
    assert is_loopback(host)
    assert not any(is_loopback(other) for other in ("0.0.0.0", "::", "10.0.0.1", "example.org", "127.example.org"))


def test_requests_of_other_sites_are_known():
    assert is_cross_site({"sec-fetch-site": "cross-site"})
    assert not is_cross_site({"sec-fetch-site": "same-origin"})
    assert not is_cross_site({})
    assert is_foreign_origin({"origin": "http://evil.example", "host": "127.0.0.1:8000"})
    assert is_foreign_origin({"origin": "null", "host": "127.0.0.1:8000"})
    assert not is_foreign_origin({"origin": "http://127.0.0.1:8000", "host": "127.0.0.1:8000"})
    assert not is_foreign_origin({"host": "127.0.0.1:8000"})


def test_the_policy_allows_nothing_that_is_not_named():
    policy = page_policy("'self' blob:")["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert "img-src 'self' blob:;" in policy
    assert "unsafe" not in policy
