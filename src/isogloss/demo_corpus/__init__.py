"""A generated parallel corpus in ten languages and six scripts, for demonstrations and tests.

Everything in it is invented; see ``docs/demo-corpus.md``.
"""

from isogloss.demo_corpus.writing import DemoCorpus, write_demo_corpus

__all__ = ["DemoCorpus", "write_demo_corpus"]
