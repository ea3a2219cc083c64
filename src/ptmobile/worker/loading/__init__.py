"""Loading a model: torchvision builders, classes and functions of the workspace, TorchScript files, checkpoints."""

from ptmobile.worker.loading.load import LoadedModel, load_model

__all__ = ["LoadedModel", "load_model"]
