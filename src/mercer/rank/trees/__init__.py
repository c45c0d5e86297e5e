"""Gradient-boosted trees in the request: LightGBM's raw scores, to the bit, without LightGBM."""
