"""WebDataset: tar shards that training reads in one go, an image and its annotations side by side."""
