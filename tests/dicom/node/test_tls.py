"""TLS in both directions, with certificates made by openssl and DCMTK as the peer."""

from __future__ import annotations

import ssl
import subprocess

import pytest

from echoduet.dicom.node.settings import Security
from echoduet.dicom.node.tls import receiving_tls, sending_tls
from echoduet.errors import ConfigError


@pytest.fixture(scope="module")
def files(tmp_path_factory, request):
    """An authority, and a certificate that it signed for 127.0.0.1, with its key."""
    import shutil

    if shutil.which("openssl") is None:
        pytest.skip("openssl is missing")
    folder = tmp_path_factory.mktemp("tls")
    names = {part: folder / f"{part}.pem" for part in ("ca", "ca-key", "cert", "key", "request", "names", "stranger")}

    def openssl(*words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)

    new = ("-newkey", "rsa:2048", "-nodes")
    openssl("req", "-x509", *new, "-keyout", names["ca-key"], "-out", names["ca"], "-subj", "/CN=authority", "-days", 2)
    openssl("req", "-x509", *new, "-keyout", folder / "x", "-out", names["stranger"], "-subj", "/CN=x", "-days", 2)
    openssl("req", *new, "-keyout", names["key"], "-out", names["request"], "-subj", "/CN=node")
    names["names"].write_text("subjectAltName=IP:127.0.0.1")
    signed = ("-CA", names["ca"], "-CAkey", names["ca-key"], "-CAcreateserial", "-days", 2, "-extfile", names["names"])
    openssl("x509", "-req", "-in", names["request"], "-out", names["cert"], *signed)
    return names


@pytest.fixture(scope="module")
def security(files):
    """What a node is told."""
    return Security(files["cert"], files["key"], files["ca"])


def test_nothing_is_encrypted_unless_asked_for():
    assert receiving_tls(Security()) is sending_tls(Security()) is None


def test_peers_need_certificates_and_a_version_that_is_safe(security):
    receiving, sending = receiving_tls(security), sending_tls(security)
    assert receiving.verify_mode is sending.verify_mode is ssl.CERT_REQUIRED
    assert sending.check_hostname
    assert receiving.minimum_version == sending.minimum_version == ssl.TLSVersion.TLSv1_2


def test_sending_may_stay_open(files):
    assert sending_tls(Security(files["cert"], files["key"], sending=False)) is None
    assert receiving_tls(Security(files["cert"], files["key"])).verify_mode is ssl.CERT_NONE
    assert sending_tls(Security(files["cert"], files["key"])).verify_mode is ssl.CERT_REQUIRED


def test_files_that_do_not_fit_are_told(files, tmp_path):
    with pytest.raises(ConfigError, match="is no certificate that the key"):
        receiving_tls(Security(files["cert"], files["ca-key"]))
    with pytest.raises(ConfigError, match="is no certificate that the key"):
        receiving_tls(Security(tmp_path / "none", files["key"]))
    with pytest.raises(ConfigError, match=r"--tls-ca"):
        sending_tls(Security(files["cert"], files["key"], files["key"]))


def test_from_scanner_to_archive_by_tls(start_node, silent_archive, security, files, phantoms, until, program):
    helped = subprocess.run([program("storescu"), "--help"], capture_output=True, text=True, check=False)
    if "--enable-tls" not in helped.stdout:
        pytest.skip("this DCMTK has no TLS")
    own = (str(files["key"]), str(files["cert"]))
    silent_archive.start("+tls", *own, "+cf", str(files["ca"]))
    node = start_node(silent_archive.destination, security=security)
    path = phantoms(seed=50)
    assert "(Success)" not in node.send(path)  # without TLS nobody is heard
    assert "(Success)" not in node.send(path, options=("+tla", "-ic"))  # without a certificate neither
    assert "(Success)" in node.send(path, options=("+tls", *own, "+cf", str(files["ca"])))
    until(lambda: node.states() == {"done": 1})
    assert silent_archive.modalities() == ["SEG", "SR"]
    assert node.told("tls_failed")


def test_an_archive_with_a_strangers_certificate_gets_nothing(start_node, silent_archive, files, phantoms, until):
    own = (str(files["key"]), str(files["cert"]))
    silent_archive.start("+tls", *own, "-ic")
    trusting_others = Security(files["cert"], files["key"], files["stranger"])
    node = start_node(silent_archive.destination, security=trusting_others)
    ours = ("+tls", *own, "-ic")
    node.send(phantoms(seed=51), options=ours)
    assert silent_archive.received() == []
