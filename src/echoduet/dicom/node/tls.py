"""TLS for both directions: version 1.2 or later (DICOM PS3.15, annex B, after BCP 195)."""

from __future__ import annotations

import ssl

from echoduet.dicom.node.settings import Security
from echoduet.errors import ConfigError


def receiving_tls(security: Security) -> ssl.SSLContext | None:
    """Return the context for peers that call; None where nothing is encrypted.

    With an authority, peers need a certificate that it signed.

    Raises:
        ConfigError: a file cannot be used.
    """
    if not security.encrypted:
        return None
    context = _loaded(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), security)
    if security.authority is not None:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def sending_tls(security: Security) -> ssl.SSLContext | None:
    """Return the context for archives; None where nothing is encrypted.

    An archive's certificate must be signed by the authority, or by one that the system knows, and name its host.

    Raises:
        ConfigError: a file cannot be used.
    """
    if not (security.encrypted and security.sending):
        return None
    context = _loaded(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), security)
    if security.authority is None:
        context.load_default_certs()
    return context


def _loaded(context: ssl.SSLContext, security: Security) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    assert security.certificate is not None
    try:
        context.load_cert_chain(security.certificate, security.key)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{security.certificate}: is no certificate that the key of --tls-key fits. Give both as PEM files."
        ) from error
    try:
        if security.authority is not None:
            context.load_verify_locations(security.authority)
    except OSError as error:
        raise ConfigError(f"{security.authority}: is no certificate. Give --tls-ca as a PEM file.") from error
    return context
