"""Generations, the delta over them, and how they are followed."""
