"""Run a study: a grid of training runs, and a verdict on each claim that they can decide.

``reading`` reads the study file, ``grid`` lists the cells, ``folder`` knows what lies where, ``state`` what
is done, ``run`` does the rest; ``claims`` is the table of claims, ``effects`` and ``facts`` weigh them,
``judgement`` gives the verdicts, and ``report`` writes them down. All but ``run`` works without torch.
"""
