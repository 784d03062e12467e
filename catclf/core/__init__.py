"""The notes' mathematics in numpy. Knows nothing of files, pictures or terminals."""
