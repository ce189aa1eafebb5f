"""Several systems compared on the same seeds, folds and cases."""
