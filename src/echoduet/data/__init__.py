"""From files on disk to cases, images, masks and cached tensors."""
