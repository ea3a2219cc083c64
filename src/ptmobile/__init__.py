"""PyTorch models to PyTorch Mobile files, with proof that they compute the same."""

__version__ = "0.1.0"
