"""Write files so that a reader sees the old content or the new, never half of it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from isogloss.errors import ConfigError


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that takes its place when the block succeeds.

    Args:
        path: The file to write, or a link to it; missing parent folders are made.

    Yields:
        An empty file in the same folder. It is removed when the block raises.

    Raises:
        ConfigError: There is something else than a file, such as a folder or a device.
        OSError: The file cannot be written, as on a full disk; it is named.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        raise ConfigError(f"{path} is no ordinary file; name another one to write")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        with _name_place(path):
            yield temporary
        temporary.chmod(0o666 & ~_umask())
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a whole text file at once, in UTF-8.

    Args:
        path: The file to write; missing parent folders are made.
        text: Its whole content.
    """
    with replace_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def is_free(folder: Path) -> bool:
    """Tell whether a folder can be made and filled without touching anything that is there.

    Args:
        folder: The folder.

    Returns:
        True when there is nothing of that name, or an empty folder.
    """
    return not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))


@contextmanager
def replace_folder(path: Path, *, over: bool = False) -> Iterator[Path]:
    """Yield a temporary folder beside ``path`` that takes its place when the block succeeds.

    Args:
        path: The folder to write; it must not exist yet, or be empty.
        over: Whether it may have content. A reader then finds the old folder, the new one or, for the moment
            between two renames, none: never a part of one.

    Yields:
        An empty folder with the same parent. It is removed when the block raises.

    Raises:
        OSError: The folder cannot be written, as on a full disk; it is named.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
    old = temporary.with_suffix(".old.part")
    try:
        with _name_place(path):
            yield temporary
        for entry in temporary.rglob("*"):
            entry.chmod((0o777 if entry.is_dir() else 0o666) & ~_umask())
        temporary.chmod(0o777 & ~_umask())
        if over and path.is_dir():
            path.rename(old)
        temporary.replace(path)
    finally:
        if not path.exists() and old.exists():
            old.rename(path)
        for left in (temporary, old):
            shutil.rmtree(left, ignore_errors=True)


@contextmanager
def hold_lock(path: Path, told: str | None = None) -> Iterator[None]:
    """Keep other processes out of what a lock file stands for; the lock ends with the process at the latest.

    Args:
        path: The lock file; it is made where it is missing.
        told: What to say when another process has the lock; None to wait until it is free.

    Yields:
        Nothing; the lock is given back afterwards.

    Raises:
        ConfigError: Another process has the lock, with the message given.
    """
    with try_lock(path, wait=told is None) as held:
        if not held:
            raise ConfigError(str(told))
        yield


@contextmanager
def try_lock(path: Path, *, wait: bool = False) -> Iterator[bool]:
    """Take a lock file if no other process has it; the lock ends with the process at the latest.

    Args:
        path: The lock file; it is made where it is missing.
        wait: Whether to wait until it is free.

    Yields:
        Whether the lock was taken; it is given back afterwards.
    """
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=-1 if wait else 0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


@contextmanager
def _name_place(path: Path) -> Iterator[None]:
    """Name the place that could not be written: of a full disk the system says no more than that."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise


def _umask() -> int:
    """Read the process's mask: temporary files are private, results as readable as any file of the user's."""
    umask = os.umask(0)
    os.umask(umask)
    return umask
