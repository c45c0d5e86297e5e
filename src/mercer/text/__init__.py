"""Words: from text to terms, corrections and embeddings."""
