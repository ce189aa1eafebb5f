"""One reader per data-set layout."""
