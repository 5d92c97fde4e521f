"""What was taken out of a model's vectors, and what that changes on held-out text."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from isogloss.columns import align_columns
from isogloss.debiased_model.measures import Change, HeldOutFigures
from isogloss.debiasing import Subspace


@dataclass(frozen=True)
class DebiasReport:
    """Say what was taken out of a model's vectors.

    Args:
        model: The model.
        method: How the directions were found.
        components: Number of directions taken out.
        dimension: Length of the vectors.
        prefix: What was put before each text.
        aligned: Whether texts were taken for translations of each other, line by line.
        held_out: What was measured on the texts held out.
    """

    model: str
    method: Subspace
    components: int
    dimension: int
    prefix: str
    aligned: bool
    held_out: HeldOutFigures

    def to_dict(self) -> dict[str, object]:
        """Give everything as JSON has it.

        Returns:
            The fields.
        """
        return asdict(self)

    def list_figures(self) -> list[tuple[str, str, str, str]]:
        """List the figures of all languages together.

        Returns:
            For each what it is, the value before, that after and what chance gives; empty where there is
            none.
        """
        figures = self.held_out
        rows = [
            ("variance left", "100.0%", f"{1 - figures.removed:.1%}", ""),
            ("of it between languages", *_write(figures.between, "{:.1%}"), ""),
            ("language told by nearest mean", *_write(figures.told), f"{figures.told_by_chance:.3f}"),
        ]
        if figures.found is not None and figures.found_by_chance is not None:
            rows.append(
                ("translation found", *_write(figures.found), f"{figures.found_by_chance:.3f}"),
            )
        return rows

    def list_languages(self) -> list[list[str]]:
        """List the figures of each language, under a heading.

        Returns:
            Rows of one length.
        """
        head = ["", "learned", "held out", "told", "after"]
        rows = [
            [language, f"{own.learned:,}", f"{own.held_out:,}", *_write(own.told)]
            + ([] if own.found is None else list(_write(own.found)))
            for language, own in self.held_out.languages.items()
        ]
        return [head + ([] if self.held_out.found is None else ["found", "after"]), *rows]

    def describe(self) -> str:
        """Say in one line what was taken out.

        Returns:
            The line.
        """
        return f"{self.method}, {self.components} of {self.dimension} dimensions"

    def to_text(self, folder: str) -> str:
        """Write a table of all languages together, and one with a row a language.

        Args:
            folder: Where the new model is.

        Returns:
            Several lines without a line break at the end.
        """
        rows = [("", "before", "after", "chance"), *self.list_figures()]
        return "\n".join(
            [
                f"model     {self.model}",
                f"debiased  {folder}",
                f"removed   {self.describe()}",
                "",
                *align_columns(rows),
                "",
                *align_columns(self.list_languages()),
            ]
        )


def _write(change: Change, form: str = "{:.3f}") -> tuple[str, str]:
    return form.format(change.before), form.format(change.after)
