"""What is computed from the log, with its position."""
