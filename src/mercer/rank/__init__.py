"""From candidates to scores: the cascade and its models."""
