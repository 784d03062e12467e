"""From what lies on a disk to RGB pictures with labels. Knows nothing of features or training."""
