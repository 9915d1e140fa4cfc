"""Training: the only part that imports torch. A text goes in, a model file comes out."""

import os

# How often GNU OpenMP's threads look for work before they sleep; read when torch loads. With its own 300,000 two busy
# programs can starve each other a hundredfold, and 2,000 cost nothing that can be measured (docs/experiments.md).
os.environ.setdefault("GOMP_SPINCOUNT", "2000")

from .convert import to_torch

__all__ = ["to_torch"]
