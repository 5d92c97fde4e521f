"""A model with a smaller vocabulary that embeds given text as before."""

from isogloss.trimming.held_out import Drift, HeldOutChange
from isogloss.trimming.job import trim
from isogloss.trimming.report import ModelSize, TrimReport

__all__ = ["Drift", "HeldOutChange", "ModelSize", "TrimReport", "trim"]
