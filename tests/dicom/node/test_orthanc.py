"""With a real Orthanc: it forwards an examination, and finds segmentation and report in the same study."""

from __future__ import annotations

import io
import urllib.request

from pydicom import dcmread


def series_by_modality(orthanc, study):
    """Return the instances of a study's series, read, by modality."""
    found = {}
    for uid in orthanc.ask(f"/studies/{study}")["Series"]:
        series = orthanc.ask(f"/series/{uid}")
        instances = found.setdefault(series["MainDicomTags"]["Modality"], [])
        for instance in series["Instances"]:
            with urllib.request.urlopen(f"http://127.0.0.1:{orthanc.http}/instances/{instance}/file") as answer:
                instances.append(dcmread(io.BytesIO(answer.read())))
    return found


def test_from_orthanc_and_back(orthanc, start_node, phantoms, until):
    sources = [phantoms(seed=80), phantoms(seed=40, frames=2)]
    node = start_node(orthanc.destination, allow=("ORTHANC",))
    orthanc.name_modality("echoduet", "ECHODUET", node.node.port)
    stored = [orthanc.ask("/instances", path.read_bytes()) for path in sources]  # its script forwards them
    until(lambda: node.states() == {"done": 2}, 60)

    for path, instance in zip(sources, stored, strict=True):
        source = dcmread(path)
        found = series_by_modality(orthanc, instance["ParentStudy"])
        assert set(found) == {"US", "SEG", "SR"}
        assert len(found["SR"]) == 1
        for dataset in (*found["SEG"], *found["SR"]):
            assert dataset.PatientID == source.PatientID
            assert source.SOPInstanceUID in str(dataset)
    count = orthanc.ask("/statistics")["CountInstances"]
    assert count == len(sources) + len(node.told("delivered"))
    assert len(node.told("received")) == len(sources)  # nothing came back in a circle

    # What is sent once more by hand is known.
    sent = orthanc.ask("/modalities/echoduet/store", stored[0]["ID"].encode())
    assert (sent["InstancesCount"], sent["FailedInstancesCount"]) == (1, 0)
    assert node.told("received")[-1]["receipt"] == "known"
    assert orthanc.ask("/statistics")["CountInstances"] == count
