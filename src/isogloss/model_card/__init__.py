"""Write a trained model's card: front matter for the hub, data, training, results, licences and limits.

``record`` reads what a run directory tells, ``sections`` write it as ``markdown``, ``writing`` puts the card
into the model's folder.
"""

from isogloss.model_card.license import read_license
from isogloss.model_card.record import RunRecord, read_record
from isogloss.model_card.writing import CARD_FILE, compose_card, write_card

__all__ = ["CARD_FILE", "RunRecord", "compose_card", "read_license", "read_record", "write_card"]
