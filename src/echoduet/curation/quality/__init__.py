"""What is wrong with a single image or mask: a score for each kind of trouble."""
