"""S3-compatible stores, spoken to over the SDK's own HTTP client: what takes 43 MB with a general library takes six."""
