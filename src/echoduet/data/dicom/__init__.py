"""Ultrasound in DICOM files: reading it frame by frame, and making files of it. Start at `source.open_dicom`."""
