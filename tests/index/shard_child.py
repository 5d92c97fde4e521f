"""Make a shard, to be killed at the N-th file that is touched: ``shard_child.py DIR ROWS PART N``."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from isogloss import indexing
from isogloss.index import writing
from isogloss.passages import hash_passages
from isogloss.sharding import Collection, Part, encode_shard
from made_up_index import MadeUpEncoder

_TOUCHING = ("open", "os.rename", "os.remove", "os.mkdir", "shutil.rmtree", "mmap.__new__")


def main() -> None:
    """Make the shard in small pieces."""
    folder, rows, left = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[4])
    indexing.ENCODED_AT_ONCE, writing.SEGMENT_ROWS = 20, 40

    def touch(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event in _TOUCHING and str(folder) in str(arguments[0] if arguments else ""):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(touch)
    encode_shard(MadeUpEncoder(), Collection(rows), hash_passages(rows), Part.parse(sys.argv[3]), folder)


if __name__ == "__main__":
    main()
