"""What a model's tokenizer makes of the text of many languages."""

from isogloss.vocabulary.counting import PieceCounts, count_pieces
from isogloss.vocabulary.folder import TOKENIZER_PATTERNS, find_folder, find_transformer
from isogloss.vocabulary.inspection import Inspection, LanguageFit, inspect_vocabulary, measure_fit
from isogloss.vocabulary.texts import Text, TextCollection, TextPart, open_texts
from isogloss.vocabulary.tokenizer import ModelTokenizer, batch_texts, load_tokenizer

__all__ = [
    "TOKENIZER_PATTERNS",
    "Inspection",
    "LanguageFit",
    "ModelTokenizer",
    "PieceCounts",
    "Text",
    "TextCollection",
    "TextPart",
    "batch_texts",
    "count_pieces",
    "find_folder",
    "find_transformer",
    "inspect_vocabulary",
    "load_tokenizer",
    "measure_fit",
    "open_texts",
]
