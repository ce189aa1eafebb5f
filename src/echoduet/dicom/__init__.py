"""What is answered, as DICOM and NIfTI: segmentation, structured report, secondary capture. Start at `outputs`."""
