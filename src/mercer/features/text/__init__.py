"""Words, n-grams and what two texts have in common: kernels over ragged columns, each with its twin."""
