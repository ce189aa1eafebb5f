"""With a real Orthanc: it sends an examination, and finds segmentation and report in the same study."""

from __future__ import annotations

from pydicom import dcmread
from pydicom.filebase import DicomBytesIO


def test_from_orthanc_and_back(orthanc, start_node, phantoms, until):
    import urllib.request

    sources = [phantoms(seed=80), phantoms(seed=40, frames=2)]
    node = start_node(orthanc.destination, allow=("ORTHANC",))
    orthanc.name_modality("echoduet", "ECHODUET", node.node.port)
    stored = [orthanc.ask("/instances", path.read_bytes()) for path in sources]
    for instance in stored:
        sent = orthanc.ask("/modalities/echoduet/store", instance["ID"].encode())
        assert (sent["InstancesCount"], sent["FailedInstancesCount"]) == (1, 0)
    until(lambda: node.states() == {"done": 2}, 60)

    for path, instance in zip(sources, stored, strict=True):
        source = dcmread(path)
        series = [orthanc.ask(f"/series/{uid}") for uid in orthanc.ask(f"/studies/{instance['ParentStudy']}")["Series"]]
        found = {one["MainDicomTags"]["Modality"]: one["Instances"] for one in series}
        assert set(found) == {"US", "SEG", "SR"}
        for modality in ("SEG", "SR"):
            for made in found[modality]:
                with urllib.request.urlopen(f"http://127.0.0.1:{orthanc.http}/instances/{made}/file") as answer:
                    dataset = dcmread(DicomBytesIO(answer.read()))
                assert dataset.StudyInstanceUID == source.StudyInstanceUID
                assert dataset.PatientID == source.PatientID
                assert source.SOPInstanceUID in str(dataset)
    before = orthanc.ask("/statistics")["CountInstances"]
    assert before == 2 + len(node.told("delivered"))

    # Sent once more, it is known; and results that come again are the same instances.
    orthanc.ask("/modalities/echoduet/store", stored[0]["ID"].encode())
    assert node.told("received")[-1]["receipt"] == "known"
    assert orthanc.ask("/statistics")["CountInstances"] == before
