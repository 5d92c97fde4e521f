"""A hundred facts in ten languages, each with a passage and a question: what the demonstration searches.

Original text, under the licence of isogloss; see ``docs/serving.md``.
"""

from isogloss.demo_collection.reading import (
    COLLECTION_LANGUAGES,
    Fact,
    choose_held_out,
    list_passages,
    read_collection,
)

__all__ = ["COLLECTION_LANGUAGES", "Fact", "choose_held_out", "list_passages", "read_collection"]
