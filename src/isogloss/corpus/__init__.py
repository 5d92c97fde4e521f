"""Corpora of questions and passages that are parallel over languages, and their readers."""

from isogloss.corpus.description import CorpusDescription, describe_corpus
from isogloss.corpus.formats import read_corpus
from isogloss.corpus.hub import read_hub
from isogloss.corpus.identity import build_corpus
from isogloss.corpus.jsonl import read_jsonl
from isogloss.corpus.model import ParallelCorpus, Rendering
from isogloss.corpus.record import Blemish, Record
from isogloss.corpus.squad import read_squad_folder
from isogloss.corpus.stored.model import Corpus, StoredCorpus
from isogloss.corpus.storing import store_corpus

__all__ = [
    "Blemish",
    "Corpus",
    "CorpusDescription",
    "ParallelCorpus",
    "Record",
    "Rendering",
    "StoredCorpus",
    "build_corpus",
    "describe_corpus",
    "read_corpus",
    "read_hub",
    "read_jsonl",
    "read_squad_folder",
    "store_corpus",
]
