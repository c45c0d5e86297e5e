"""Drawn product pictures: what a listing looks like, without a camera."""
