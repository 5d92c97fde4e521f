"""docs/batching.md: its example runs as printed, and the tests it names exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from test_plan_command import write_corpus

from isogloss.batching import BatchPlan

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.filterwarnings("ignore:'pin_memory' argument is set:UserWarning")
def test_the_stock_trainer_takes_the_planned_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from isogloss.training.rows import RowTexts
    from tiny_models import tiny_labse

    (example,) = re.findall(
        r"```python\n(.*?)```", (DOCS / "batching.md").read_text(encoding="utf-8"), re.DOTALL
    )
    write_corpus(tmp_path / "corpus")
    tiny_labse(tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    seen: list[list[str]] = []
    look_up = RowTexts.__call__

    def record(self: RowTexts, rows: dict[str, list[int]]) -> dict[str, list[str]]:
        found = look_up(self, rows)
        seen.append(found["query"])
        return found

    monkeypatch.setattr(RowTexts, "__call__", record)
    names: dict[str, object] = {}
    exec(compile(example, "docs/batching.md", "exec"), names)
    plan = names["plan"]
    assert isinstance(plan, BatchPlan)
    planned = [
        [RowTexts(plan).row_texts(batch, slot)["query"] for slot in range(len(batch))]
        for epoch in range(2)
        for batch in plan.batches(epoch)
    ]
    # The trainer looks at a row or two beforehand; the batches themselves are the last it asks for.
    assert seen[-len(planned) :] == planned


def test_the_tests_named_exist() -> None:
    named = set(re.findall(r"`(test_\w+)`", (DOCS / "batching.md").read_text(encoding="utf-8")))
    files = Path(__file__).parent.glob("test_*.py")
    defined = {
        name for file in files for name in re.findall(r"^def (test_\w+)", file.read_text("utf-8"), re.M)
    }
    assert len(named) > 10
    assert named <= defined
