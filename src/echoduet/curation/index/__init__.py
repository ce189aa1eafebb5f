"""What was read of each image, kept in a folder, so that nothing is read twice."""
