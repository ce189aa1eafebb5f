"""AE titles and destinations as they are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoduet.dicom.node.peers import Destination, check_aet
from echoduet.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "aet", "host", "port"),
    [
        ("PACS@10.0.0.5:104", "PACS", "10.0.0.5", 104),
        ("MY PACS@archive.example:11112", "MY PACS", "archive.example", 11112),
        ("PACS@[fd00::5]:104", "PACS", "fd00::5", 104),
    ],
)
def test_a_destination_is_read_and_written_alike(text, aet, host, port):
    peer = Destination.parse(text)
    assert (peer.aet, peer.host, peer.port) == (aet, host, port)
    assert peer.name == text


@pytest.mark.parametrize(
    "text",
    ["PACS", "PACS@host", "host:104", "@host:104", "PACS@host:0", "PACS@host:65536", "PACS@a b:104", "A@fd00::5:104"],
)
def test_what_is_no_destination_is_told(text):
    for option in ("--send-to", "NEW"):
        with pytest.raises(ConfigError, match=rf"^{option} '.*AET@host:port"):
            Destination.parse(text, option)


@pytest.mark.parametrize("title", ["", "   ", "A" * 17, "A\\B", "Ä", "A\nB"])
def test_what_is_no_ae_title_is_told(title):
    with pytest.raises(ConfigError, match=r"--aet .* is no AE title"):
        check_aet(title, "--aet")


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="\\@"), min_size=1, max_size=16))
def test_every_other_title_is_taken_without_the_spaces_around_it(title):
    assert check_aet(f" {title} ", "--aet") == title
