"""The application entity that the node is, in either role."""

from __future__ import annotations

import ssl

from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.transport import AddressInformation, AssociationSocket

from echoduet.dicom.identity import IMPLEMENTATION_CLASS
from echoduet.dicom.node.settings import Settings


class ClosingEntity(ApplicationEntity):
    """An application entity that closes each connection that it opened, or could not open."""

    def _create_socket(
        self, assoc: Association, address: AddressInformation, tls_args: tuple[ssl.SSLContext, str] | None
    ) -> AssociationSocket:
        connection = _Connection(assoc, address=address)
        connection.tls_args = tls_args
        return connection


class _Connection(AssociationSocket):
    """A connection whose socket is closed also where it cannot be shut down: never connected, or left by the peer.

    pynetdicom leaves that to the garbage collector.
    """

    def _shutdown_socket(self) -> None:
        connection = self.socket
        super()._shutdown_socket()
        if connection is not None:
            connection.close()


def entity(settings: Settings) -> ApplicationEntity:
    """Return the application entity of a node with these settings."""
    ae = ClosingEntity(settings.aet)
    ae.implementation_class_uid = IMPLEMENTATION_CLASS
    ae.implementation_version_name = "ECHODUET"
    ae.maximum_pdu_size = settings.limits.pdu
    ae.maximum_associations = settings.limits.associations
    ae.acse_timeout = settings.timeouts.acse
    ae.dimse_timeout = settings.timeouts.dimse
    ae.network_timeout = settings.timeouts.network
    ae.connection_timeout = settings.timeouts.connection
    return ae
