"""The repro bundle: what a model was given and what each stage gave, with a script that runs it again."""

from ptmobile.repro.bundle import Bundler

__all__ = ["Bundler"]
