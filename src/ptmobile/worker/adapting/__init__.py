"""Putting inputs and outputs into a form that a file can have, where the model's own is none.

A lite interpreter takes and gives tensors, plain values, and tuples, lists and dictionaries of these; tracing takes
less, and the lite interpreter of 1.13 breaks on named tuples. So a road that cannot take the model as it is goes on
with a module around it, whose output is of the form in :mod:`~ptmobile.worker.adapting.forms`.
"""
