"""Runs Snakemake command lines, each in a forked copy of a process that has already imported Snakemake (seconds).

Reads one JSON request per line from standard input (directory, arguments, environment, file for all output) and
answers with the exit code. The copy imports cgpipe itself, so its PYTHONPATH is that of the request.
"""

import json
import os
import sys
import traceback

import snakemake.cli


def run(request: dict) -> int:
    """Run one command line in this process, which ends with it."""
    os.chdir(request["directory"])
    os.environ.update(request["environment"])
    sys.path[:0] = [path for path in request["environment"].get("PYTHONPATH", "").split(os.pathsep) if path]
    output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.argv = ["snakemake", *request["arguments"]]
    try:
        snakemake.cli.main(request["arguments"])
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:  # what is left is a crash of Snakemake: show it in the output and fail
        traceback.print_exc()
        return 1
    return 0


for line in sys.stdin:
    child = os.fork()
    if child == 0:
        code = run(json.loads(line))
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
