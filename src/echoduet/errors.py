"""Every error that EchoDuet raises on purpose.

    EchoDuetError                 what the command line prints as one sentence, exit code 2
    |-- DataError                 a file or folder of a data set
    |   |-- ImageError            an image or mask that cannot be used
    |   |   `-- DicomError        a DICOM file that cannot be used
    |   |-- ManifestError         a manifest, or a list of cases
    |   `-- LayoutError           a folder whose layout is not recognised
    |-- ConfigError               a configuration file or key
    |-- CurationError             a saved index of images that cannot be used
    |-- SplitError                folds that cannot be made
    |   `-- LeakError             folds that put copies on both sides
    |-- ModelError                a bundle or architecture
    |-- TrainingError             a run that cannot start or go on
    |-- PairingError              systems to compare that were not scored on the same seeds, folds and cases
    |-- OutputError               a place that cannot be written, or is not what it should be
    |-- StatisticsError           scores from which no test or interval can be made
    `-- ShapeError                arrays that do not fit together

A message names the file or key, says what is wrong, and what to do about it.
"""


class EchoDuetError(Exception):
    """Base of all errors with a message meant for the user."""


class DataError(EchoDuetError):
    """A data set's file or folder is not as it should be."""


class ImageError(DataError):
    """An image or mask cannot be used."""


class DicomError(ImageError):
    """A DICOM file cannot be used; its message holds nothing that stands in the file's header."""


class ManifestError(DataError):
    """A manifest or a list of cases is not valid."""


class LayoutError(DataError):
    """A folder's layout is not recognised."""


class ConfigError(EchoDuetError):
    """A configuration file or key is not valid."""


class CurationError(EchoDuetError):
    """A saved index of images cannot be used: another version or other settings, or damaged."""


class SplitError(EchoDuetError):
    """Folds cannot be made as asked."""


class LeakError(SplitError):
    """Copies, or images of one patient, stand on both sides of a split."""


class ModelError(EchoDuetError):
    """A model bundle or an architecture cannot be used."""


class TrainingError(EchoDuetError):
    """A training run cannot start or cannot go on."""


class PairingError(EchoDuetError):
    """Systems to be compared were not scored on the same seeds, folds and cases."""


class OutputError(EchoDuetError):
    """An output cannot be written, or holds what does not belong to it."""


class StatisticsError(EchoDuetError):
    """Scores are undefined, too few or out of range, so that no test or interval can be made from them."""


class ShapeError(EchoDuetError):
    """Arrays have shapes that do not fit together."""
