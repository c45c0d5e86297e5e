"""From examples to a model that serves: training, the gate, the model file and its history."""
