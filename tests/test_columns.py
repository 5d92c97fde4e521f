"""Tables of the commands: every cell stands in its column, and nothing else does."""

from hypothesis import given
from hypothesis import strategies as st

from isogloss.columns import align_columns

CELLS = st.text("ab1é", min_size=1, max_size=6)


def test_an_example() -> None:
    rows = [("", "texts", "share"), ("sw", "1,234", "5 %"), ("de", "1", "100 %")]
    assert align_columns(rows) == ["    texts  share", "sw  1,234    5 %", "de      1  100 %"]
    assert align_columns(rows, (0, 2))[1:] == ["sw  1,234  5 %", "de      1  100 %"]


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1), st.sets(st.integers(0, 2)))
def test_cells_can_be_read_back_from_their_columns(rows: list[tuple[str, str, str]], left: set[int]) -> None:
    lines = align_columns(rows, left)
    assert [tuple(line.split()) for line in lines] == rows
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for line, row in zip(lines, rows, strict=True):
        start = 0
        for column, width in enumerate(widths):
            field = line[start : start + width].ljust(width)
            assert field == (row[column].ljust(width) if column in left else row[column].rjust(width))
            start += width + 2
