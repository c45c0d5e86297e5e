"""Models of other teams: files in the ONNX format and Python entry points, each within its budget."""
