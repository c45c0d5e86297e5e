"""How good a ranking is, and how sure we are of it: pure kernels with golden vectors."""
