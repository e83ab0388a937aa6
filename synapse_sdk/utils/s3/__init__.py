"""S3-compatible stores, through Amazon's own library and without what others put around it."""
