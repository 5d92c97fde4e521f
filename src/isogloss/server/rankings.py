"""What people read about the ways to rank; ``fair_ranking`` defines them."""

from __future__ import annotations

from collections.abc import Mapping

from isogloss.fair_ranking import Fairness

RANKINGS: Mapping[str, str] = {
    Fairness.NONE.value: "by score alone",
    Fairness.QUOTA.value: "a like share for every language",
    Fairness.CALIBRATED.value: "by scores made comparable between languages",
    Fairness.FUSED.value: "by rank among all and rank in the language",
}
"""Every way to rank, by the name that a request gives, with a description."""
