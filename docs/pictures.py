"""Take the pictures of the search page that README.md and docs/serving.md show, of the demonstration itself.

    python docs/pictures.py                                 # writes docs/images/search-*.png
    python docs/pictures.py --demo FOLDER --out FOLDER      # of a demonstration elsewhere, to elsewhere

It starts ``isogloss serve --demo``, which trains first where the folder is empty (some minutes), and needs a
Chromium.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

from isogloss.demo_collection import read_collection

ROOT = Path(__file__).resolve().parent.parent
HITS = 10


class Picture(NamedTuple):
    """Say what a picture shows: the question to a fact, held out of the training, and who answers it."""

    file: str
    language: str
    fact: str
    width: int
    rankings: tuple[str, ...] = ("none:trained",)
    dark: bool = False

    @property
    def question(self) -> str:
        return next(each.question for each in read_collection()[self.language] if each.id == self.fact)


PICTURES = (
    Picture("search-page.png", "en", "machupicchu", 1000),
    Picture("search-compare.png", "sw", "arctictern", 1280, ("none:trained", "none:untrained")),
    Picture("search-phone.png", "ar", "pyramid", 360, dark=True),
)


@contextlib.contextmanager
def start_demo(folder: Path) -> Iterator[str]:
    """Serve the demonstration at a free port, pass on what it says, and give its address."""
    command = [sys.executable, "-m", "isogloss", "serve", "--demo", str(folder), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as service:
        assert service.stderr is not None
        try:
            for line in service.stderr:
                sys.stderr.write(line)
                if found := re.search(r"http://\S+/", line):
                    yield found.group()
                    return
            sys.exit("the demonstration did not start")
        finally:
            service.terminate()


def take_pictures(address: str, program: str, out: Path) -> None:
    """Show each question in a browser and photograph what is in its window."""
    from chromium import open_browser

    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        open_browser(program, Path(profile)) as browser,
    ):
        for picture in PICTURES:
            state = urlencode([("q", picture.question), *(("r", name) for name in picture.rankings)])
            browser.show("about:blank")  # or a new fragment alone would not load the page again
            browser.show(f"{address}#{state}", width=picture.width, dark=picture.dark)
            hits = HITS * len(picture.rankings)
            browser.wait(f"document.querySelectorAll('.hit').length === {hits}")
            browser.wait("!document.querySelector('.busy')")
            browser.evaluate("query.style.caretColor = 'transparent'")  # it blinks
            browser.photograph(out / picture.file, whole=False)
            print(out / picture.file)


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--demo", type=Path, default=Path("runs/serve-demo"), metavar="DIR")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images", metavar="DIR")
    arguments = parser.parse_args(words)
    sys.path.insert(0, str(ROOT / "tests"))
    from chromium import find_chromium

    program = find_chromium()
    if program is None:
        sys.exit("no Chromium is installed: apt install chromium, or your system's equivalent")
    arguments.out.mkdir(parents=True, exist_ok=True)
    with start_demo(arguments.demo) as address:
        take_pictures(address, program, arguments.out)


if __name__ == "__main__":
    main()
