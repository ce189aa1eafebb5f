"""A trained network as a graph that other programs run."""
