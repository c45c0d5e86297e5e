"""Engines inside the process: nothing else has to run."""
