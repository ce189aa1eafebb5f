"""What the pages say of the node is what the code does."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest
from pydicom.uid import UID

from echoduet.dicom.node.contexts import MADE, SYNTAXES, TAKEN
from echoduet.dicom.node.inspection import Status
from echoduet.dicom.node.overview import STATES
from echoduet.dicom.node.settings import DAY_S, Keeping, Limits, Patience, Timeouts


@pytest.fixture(scope="module")
def page(root):
    """The page for clinics."""
    return (root / "docs" / "node.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def networking(root):
    """The conformance statement's part about the network."""
    text = (root / "docs" / "dicom-conformance.md").read_text(encoding="utf-8")
    return text.split("\n## Networking\n")[1].split("\n## ")[0]


def part(text, heading):
    return text.split(f"\n### {heading}\n")[1].split("\n### ")[0]


def test_presentation_contexts_are_stated_in_the_order_of_preference(networking):
    accepted = re.findall(r"\| ([\d.]{15,}) \|", part(networking, "Accepted presentation contexts"))
    assert accepted == [*TAKEN, *SYNTAXES]
    proposed = re.findall(r"\| ([\d.]{15,}) \|", part(networking, "Storage SCU"))
    assert sorted(proposed) == sorted(MADE.values())
    assert all(UID(uid).is_valid for uid in accepted + proposed)


def test_statuses_are_stated(networking, page):
    stated = re.findall(r"^\| ([0-9AC]\d{3}) \|", part(networking, "Storage SCP"), re.MULTILINE)
    assert stated == [f"{status:04X}" for status in Status]
    assert all(f"status {status:04X}" in page for status in Status if status)


def test_defaults_are_those_of_the_code(networking, page):
    limits, timeouts, patience = Limits(), Timeouts(), Patience()
    assert f"{limits.associations} associations at a time" in networking
    assert f"| {limits.pdu} offered" in networking
    assert f"association {timeouts.acse:g} s; silence of a peer {timeouts.network:g} s" in networking
    assert f"connection {timeouts.connection:g} s" in networking
    assert f"after {patience.first:g} s, doubled with each failure up to {patience.longest:g} s" in networking
    assert limits.free == limits.instance == 1 << 30
    assert networking.count("1 GiB") == 2
    assert Keeping().rows == 30 * DAY_S
    assert patience.attempts == 3 and "three times in a row" in page


def test_every_state_is_explained(page):
    table = page.partition("| state | meaning |")[2].partition("\n\n")[0]
    assert tuple(re.findall(r"^\| ([a-z]+) \|", table, re.MULTILINE)) == STATES


def test_the_unit_is_one_that_systemd_takes(page, tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is missing")
    unit = page.partition("```ini\n")[2].partition("```")[0].replace("/opt/echoduet/bin/echoduet", shutil.which("true"))
    path = tmp_path / "echoduet-node.service"
    path.write_text(unit)
    environment = {**os.environ, "SYSTEMD_LOG_LEVEL": "warning"}
    done = subprocess.run(
        ["systemd-analyze", "verify", path], capture_output=True, text=True, check=False, env=environment
    )
    assert "echoduet-node" not in done.stderr, done.stderr
