"""From trained folds to the bundle that ships."""
