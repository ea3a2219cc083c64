"""A module of a package, importing relatively."""

from .layers import Layer


class Net(Layer):
    pass
