"""What is refused before a server starts."""

from __future__ import annotations

import pytest

from echoduet.errors import ConfigError
from echoduet.service.security import Token
from echoduet.service.settings import Settings, answered_hosts, require_token

TOKEN = Token("a-secret-of-some-length")


@pytest.mark.parametrize(("host", "proxies"), [("0.0.0.0", []), ("192.0.2.7", []), ("127.0.0.1", ["127.0.0.1"])])
def test_other_machines_are_answered_with_a_token_only(host, proxies):
    with pytest.raises(ConfigError, match="other machines could ask, so a token is needed"):
        require_token(host, proxies, None)
    require_token(host, proxies, TOKEN)


def test_this_machine_needs_none():
    require_token("127.0.0.1", [], None)
    require_token("::1", [], None)


def test_on_this_machine_only_its_own_names_are_answered_and_those_allowed():
    assert answered_hosts("127.0.0.1", 80, []) == {"127.0.0.1:80", "localhost:80"}
    assert answered_hosts("::1", 80, ["a.example"]) == {"127.0.0.1:80", "localhost:80", "[::1]:80", "a.example"}


def test_beyond_it_any_name_unless_some_are_given():
    assert answered_hosts("0.0.0.0", 80, []) is None
    assert "a.example" in answered_hosts("0.0.0.0", 80, ["a.example"])


@pytest.mark.parametrize("prefix", ["/", "/a/", "a", "/a b", "//a", "/a?b"])
def test_a_prefix_that_is_none_is_refused(prefix):
    with pytest.raises(ConfigError, match="is no prefix like /echoduet"):
        Settings(root_path=prefix)
    assert Settings(root_path="/tools/echoduet").root_path == "/tools/echoduet"
