"""Files of text: read as UTF-8 or refused with the place, and written whole or not at all."""

from __future__ import annotations

import gzip
import os
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from io import BufferedReader
from pathlib import Path

from msgspec.structs import replace

from evalkit.errors import InputError, Place, Problem


def read_text(path: str | Path) -> str:
    """The text of a UTF-8 file. Raises InputError, with the place, for everything else."""
    path = Path(path)
    with _readable(path):
        content = path.read_bytes()
    return _decoded(content, str(path))


def read_lines(path: str | Path) -> Iterator[str]:
    """The lines of a UTF-8 file, each read as it is taken. Raises InputError, with the place, for everything else."""
    path = Path(path)
    with _readable(path), path.open("rb") as file:
        for number, line in enumerate(file, 1):
            yield _decoded(line.removesuffix(b"\n"), str(path), number)


def each_line(path: str | Path) -> Iterator[tuple[int, str | Problem]]:
    """The lines of a log with their numbers, from 1; in the place of one that is no text, what is wrong with it.

    What gzip has packed is unpacked as it is read, and read as far as it is whole. Raises InputError if the file cannot
    be opened.
    """
    path = Path(path)
    number = 0
    with _readable(path), path.open("rb") as file:
        try:
            for number, line in enumerate(_unpacked(file), 1):
                try:
                    yield number, _decoded(line.removesuffix(b"\n"), str(path), number)
                except InputError as error:
                    yield number, replace(error.problems[0], place=Place(file=str(path), line=number))
        except (EOFError, gzip.BadGzipFile, zlib.error):
            what = "what gzip packed is cut off or damaged from here on"
            yield number + 1, Problem(what=what, place=Place(file=str(path), line=number + 1))


def _unpacked(file: BufferedReader) -> Iterable[bytes]:
    """The lines of a file, or of what gzip packed into it: its first bytes say so, and no text begins with them."""
    return gzip.GzipFile(fileobj=file) if file.peek(2).startswith(_GZIP) else file


_GZIP = b"\x1f\x8b"


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    place = Place(file=str(path))
    try:
        yield
    except FileNotFoundError:
        folder = path.parent
        hint = f"there is no folder {folder}"
        if folder.is_dir():
            hint = _nearest(path, folder.iterdir())
        raise InputError(Problem(what="no such file", hint=hint, place=place)) from None
    except OSError as error:
        raise InputError(Problem(what=f"cannot be read: {_reason(error)}", place=place)) from None


def _nearest(path: Path, there: Iterable[Path]) -> str:
    """The file beside it that was meant, by more than how it ends; "" if none looks like it."""
    names = {each.stem: each.name for each in there}
    close = get_close_matches(path.stem, names, n=1)
    return f"did you mean {names[close[0]]!r}?" if close else ""


def _decoded(content: bytes, file: str, number: int = 1) -> str:
    """The text of a file from its line `number` on."""
    place = Place(file=file)
    if number == 1 and content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(Problem(what="is UTF-16 text", hint="save it as UTF-8", place=place))
    if b"\0" in content:
        raise InputError(Problem(what="is a binary file, not text", place=place))
    try:
        return content.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + number
        what = f"is not UTF-8: byte 0x{error.object[error.start]:02x}"
        raise InputError(Problem(what=what, hint="save it as UTF-8", place=replace(place, line=line))) from None


def files_of(path: str | Path) -> Sequence[Path]:
    """The files in a folder and below, sorted; the file itself, if it is one. Raises InputError if there are none."""
    path = Path(path)
    if not path.is_dir():
        return (path,)
    found = sorted(each for each in path.rglob("*") if each.is_file() and not each.name.startswith("."))
    if not found:
        raise InputError(Problem(what="the folder holds no files", place=Place(file=str(path))))
    return found


def read_folder(path: str | Path) -> Mapping[str, str]:
    """Path (relative to the folder, with /) -> text of each file in a folder and below; of one file, if it is one."""
    path, found = Path(path), files_of(path)
    if not path.is_dir():
        return {path.name: read_text(path)}
    return {each.relative_to(path).as_posix(): read_text(each) for each in found}


def write_atomic(path: str | Path, content: str | bytes | Iterable[str]) -> None:
    """Write a file whole or not at all: no reader ever sees half of it. Makes its folder. Raises InputError.

    Pieces are written as they are taken. Through a link, the file it leads to is replaced; a device or a pipe is
    written to as it stands.
    """
    target = Path(path).resolve()
    pieces = (content,) if isinstance(content, str | bytes) else content
    written = (piece.encode("utf-8") if isinstance(piece, str) else piece for piece in pieces)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not target.is_file():
            with target.open("wb") as stream:
                stream.writelines(written)
        else:
            _replace(target, written)
    except OSError as error:
        reason = f"{target.parent} is no folder" if isinstance(error, FileExistsError) else _reason(error)
        raise InputError(Problem(what=f"cannot be written: {reason}", place=Place(file=str(path)))) from None


def _replace(target: Path, content: Iterable[bytes]) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with open(handle, "wb") as stream:
            stream.writelines(content)
        os.chmod(name, target.stat().st_mode if target.exists() else 0o666 & ~_umask())
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise


def _umask() -> int:
    mask = os.umask(0o077)  # which can only be read by setting it
    os.umask(mask)
    return mask


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
