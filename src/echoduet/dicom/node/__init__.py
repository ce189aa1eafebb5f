"""The DICOM node: receives ultrasound by C-STORE, predicts it, and sends what was found to the archives.

Reading order: `settings`, `ledger` (what is known), `spool` (what is on disk), then the three that work: `receiver`
(with `draft`, `intake`), `worker`, `sender`; `node` runs them.
"""
