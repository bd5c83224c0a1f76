"""What every stage shares: its command line's settings, a compiler that is right, and exit codes.

Exit codes: 0 done; 2 the user can fix it (one line on stderr); 1 a bug (traceback).
"""

import argparse
import errno
import json
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from cgpipe.compiler import require_right_results
from cgpipe.environment import LEFT_OUT
from cgpipe.errors import UserError
from cgpipe.maker import maker

Settings = TypeVar("Settings", bound=BaseModel)

# what the operating system says when the user, not cgpipe, must act: full disk, quota, rights, missing file
USER_ERRNO = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT}


def parser(stage: str, description: str) -> argparse.ArgumentParser:
    """An argument parser with ``--settings``, the JSON slice of the configuration that this stage uses."""
    maker(stage)  # looks at the sources now, as they are imported
    made = argparse.ArgumentParser(prog=f"cgpipe {stage}", description=description)
    made.add_argument("--settings", required=True, help="JSON: the slice of the configuration for this stage")
    return made


def settings(text: str, model: type[Settings]) -> Settings:
    """Parse ``--settings`` strictly.

    Raises:
        UserError: not JSON, or a key or value that the model refuses.
    """
    try:
        return model.model_validate(json.loads(text))
    except json.JSONDecodeError as error:
        raise UserError(f"--settings is not JSON: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "settings"
        raise UserError(f"--settings: {where}: {first['msg']}") from None


def run(main: Callable[[Sequence[str]], int], argv: Sequence[str] | None = None) -> int:
    """Call a stage's ``main`` and turn what it raises into the exit code (see the module's first lines)."""
    if LEFT_OUT:
        print(f"note: left out {' '.join(LEFT_OUT)}, which could change results", file=sys.stderr)
    try:
        return call(main, sys.argv[1:] if argv is None else argv)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        if error.errno not in USER_ERRNO:
            traceback.print_exc()
            return 1
        print(f"error: {error.filename or 'output'}: {error.strerror}", file=sys.stderr)
        return 2
    except Exception:  # the last line of defence: a bug must show its traceback and its own exit code
        traceback.print_exc()
        return 1


def call(main: Callable[[Sequence[str]], int], argv: Sequence[str]) -> int:
    """Call the ``main`` of a stage; if its module brought JAX along, the compiler must be right.

    Raises:
        UserError: it is not, and whatever ``main`` raises.
    """
    if "jax" in sys.modules:
        require_right_results()
    return main(argv)
