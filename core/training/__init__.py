"""Training: the only part that imports torch. A text goes in, a model file comes out."""

from .convert import to_torch

__all__ = ["to_torch"]
