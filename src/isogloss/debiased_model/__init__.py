"""A model with a last layer that takes language out of its vectors."""

from isogloss.debiased_model.job import debias_model
from isogloss.debiased_model.measures import Change, HeldOutFigures, LanguageFigures
from isogloss.debiased_model.report import DebiasReport

__all__ = ["Change", "DebiasReport", "HeldOutFigures", "LanguageFigures", "debias_model"]
