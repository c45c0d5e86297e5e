"""What a process needs to rank with a trained model: the model, its plan, and columns of the index."""
