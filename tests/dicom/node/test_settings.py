"""Settings that do not fit together are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from echoduet.dicom.node.peers import Destination
from echoduet.dicom.node.settings import Security, Settings
from echoduet.errors import ConfigError

PACS = Destination("PACS", "10.0.0.5", 104)
GOOD = Settings(Path("spool"), (PACS,))
PEM = Path("x.pem")


@pytest.mark.parametrize("bind", ["127.0.0.1", "127.8.8.8", "::1"])
def test_on_this_machine_anybody_may_call(bind):
    replace(GOOD, bind=bind).check()


@pytest.mark.parametrize("bind", ["0.0.0.0", "::", "10.0.0.7", "localhost"])
def test_beyond_this_machine_callers_are_named(bind):
    with pytest.raises(ConfigError, match="--allow-aet"):
        replace(GOOD, bind=bind).check()
    replace(GOOD, bind=bind, allow=("SCANNER",)).check()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"send_to": ()}, "no destination"),
        ({"send_to": (PACS, PACS)}, "named twice"),
        ({"security": Security(certificate=PEM)}, "belong together"),
        ({"security": Security(key=PEM)}, "belong together"),
        ({"security": Security(authority=PEM)}, "of no use"),
    ],
)
def test_what_does_not_fit_is_told(changed, told):
    with pytest.raises(ConfigError, match=told):
        replace(GOOD, **changed).check()


def test_a_whole_security_is_taken():
    replace(GOOD, security=Security(PEM, PEM, PEM)).check()
    assert Security(PEM, PEM).encrypted
    assert not Security().encrypted
