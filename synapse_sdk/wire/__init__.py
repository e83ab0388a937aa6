"""What crosses the network: one module per subject, pydantic models, no behaviour."""
