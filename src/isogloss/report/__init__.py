"""Report on evaluated systems: one self-contained HTML page, or the tables of a paper."""

from isogloss.report.blocks import Chapter
from isogloss.report.page import write_page
from isogloss.report.paper_tables import write_paper_tables
from isogloss.report.section import Section, build_section
from isogloss.report.systems import MeasuredSystem, group_systems

__all__ = [
    "Chapter",
    "MeasuredSystem",
    "Section",
    "build_section",
    "group_systems",
    "write_page",
    "write_paper_tables",
]
