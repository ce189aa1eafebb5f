"""The node as an application entity: what it says of itself, and that it leaves no socket open."""

from __future__ import annotations

import gc
import socket
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pynetdicom.ae import ApplicationEntity
from pynetdicom.sop_class import Verification

from echoduet.dicom.identity import IMPLEMENTATION_CLASS
from echoduet.dicom.node.entity import ClosingEntity, entity
from echoduet.dicom.node.settings import Limits, Settings, Timeouts

SETTINGS = Settings(
    Path("spool"), (), aet="OTHER", limits=Limits(associations=3, pdu=5000), timeouts=Timeouts(1, 2, 3, 4)
)


def test_it_is_what_the_settings_say():
    ae = entity(SETTINGS)
    assert (ae.ae_title, ae.maximum_associations, ae.maximum_pdu_size) == ("OTHER", 3, 5000)
    assert (ae.acse_timeout, ae.dimse_timeout, ae.network_timeout, ae.connection_timeout) == (1, 2, 3, 4)
    assert (ae.implementation_class_uid, ae.implementation_version_name) == (IMPLEMENTATION_CLASS, "ECHODUET")


def left_open(ae, port):
    """Return how many sockets an attempt to associate leaves to the garbage collector."""
    gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        association = ae.associate("127.0.0.1", port, contexts=ae.requested_contexts)
        association.dul.join(5)
        del association
        gc.collect()
    return sum("unclosed <socket" in str(warning.message) for warning in caught)


@pytest.mark.parametrize(("kind", "left"), [(ClosingEntity, 0), (ApplicationEntity, 1)])
def test_a_socket_that_could_not_be_connected_is_closed(free_port, kind, left):
    """pynetdicom's own leaves it; should a later version close it, ours is needed no more."""
    ae = kind("SCANNER")
    ae.add_requested_context(Verification)
    assert left_open(ae, free_port()) == left


def test_a_socket_whose_peer_went_away_is_closed():
    ae = ClosingEntity("SCANNER")
    ae.add_requested_context(Verification)
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:

        def hang_up():
            listener.accept()[0].close()

        pool.submit(hang_up)
        assert left_open(ae, listener.getsockname()[1]) == 0
