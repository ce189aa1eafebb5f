"""Which images are related, and how: local features, candidates, alignment, similarity, confidence."""
