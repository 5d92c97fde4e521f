"""Write the styles of figures: those that a figure also needs outside of the page."""

from __future__ import annotations

from importlib.resources import files

from isogloss.report.colour import DARK, LEVELS, LIGHT, Theme, diverging, ink_on, sequential, to_hex


def write_figure_styles() -> str:
    """Write the style sheet of figures: fixed rules and light colours, then dark colours for screens.

    Returns:
        CSS.
    """
    fixed = files("isogloss.report").joinpath("figure.css").read_text(encoding="utf-8")
    dark = f"@media screen and (prefers-color-scheme: dark){{{_DARK}{_colour(DARK)}}}"
    return f"{fixed}{_colour(LIGHT)}\n{dark}\n"


_DARK = (
    ".figure{fill:#e4e0d8}.figure .grid,.figure .rule{stroke:#3b3731}.figure .lead{stroke:#57524a}"
    ".figure .axis,.figure .tick,.figure .code{fill:#a8a296}.figure .chance,.figure .zero{stroke:#8d877b}"
    ".figure .pool{stroke:#fff}.figure .bar{fill:#47423a}.figure .bar.own{fill:#7fabe8}"
    ".figure .rest{fill:#2c2924}.figure .on-bar{fill:#d5d0c6}"
    ".figure .band{fill:#2e2a25}.figure .span,.figure .dot{stroke:#8fb8ef}.figure .dot{fill:#8fb8ef}"
    ".figure .dot.open{fill:#171614}.figure .void{fill:#211f1c;stroke:#211f1c}.figure .on-void{fill:#a8a296}"
    ".figure .cell.own{stroke:#e4e0d8}.figure .minus{stroke:#fff}.figure .seed{fill:#171614}"
)


def _colour(theme: Theme) -> str:
    """Write the rules of all levels and lines of a theme."""
    rules = []
    for letter, scale in (("q", sequential), ("d", diverging)):
        for level in range(LEVELS):
            colour = scale(theme, level)
            rules.append(f".{letter}{level}{{fill:{colour};stroke:{colour}}}")
            rules.append(f".on-{letter}{level}{{fill:{ink_on(colour)}}}")
    for number, colour in enumerate(map(to_hex, theme.systems)):
        rules.append(f".s{number}{{stroke:{colour}}}")
    return "".join(rules)
