"""One definition per feature, compiled once, run over batches and over requests by the same kernels."""
