"""Is there a file that can be read? What else a path may lead to is said in the words of somebody who made it."""

from pathlib import Path

from cgpipe.errors import UserError


def require_file(path: Path) -> None:
    """Make sure that a path leads to a file that may be read.

    Raises:
        UserError: nothing there, a link to nowhere, a folder, a pipe or device, or no permission.
    """
    try:
        if path.is_dir():
            raise UserError(f"{path}: is a folder, expected a file")
        if not path.exists():
            towards = f" (a link to {path.readlink()}, which is not there)" if path.is_symlink() else ""
            raise UserError(f"{path}: no such file{towards}")
        if not path.is_file():
            raise UserError(f"{path}: is a pipe or a device, expected a file")
        with path.open("rb"):
            pass
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None


def require_content(path: Path) -> None:
    """Make sure that a path leads to a file that may be read and holds something.

    Raises:
        UserError: as `require_file`, or a file of no bytes.
    """
    require_file(path)
    if not path.stat().st_size:
        raise UserError(f"{path}: the file is empty (0 bytes): was its copy or download interrupted?")
