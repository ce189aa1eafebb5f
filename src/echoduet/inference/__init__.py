"""From image to answer."""
