"""A process that has imported everything and forks for each command: a real process each, without a second of imports.

Reads one request a line: {"words", "folder", "environment", "out", "err"}; answers each with its exit code.
"""

import json
import os
import sys
from importlib import import_module

IMPORTED = ("bot.cli.app", "bot.cli.door", "bot.cli.screen", "bot.glancing", "bot.headless", "bot.logs", "bot.opening")


def main() -> None:
    for name in IMPORTED:
        import_module(name)
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            _end_with_parent()
            _become(request)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _end_with_parent() -> None:
    """Whoever gives up on a command kills this process; its child must not outlive it."""
    if sys.platform == "linux":
        import ctypes
        import signal

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _become(request) -> None:
    """The child: the command, with its own folder, environment and files; never returns."""
    code = 70
    try:
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        for number, name in ((0, os.devnull), (1, request["out"]), (2, request["err"])):
            handle = os.open(name, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(handle, number)
            os.close(handle)
        sys.argv = ["pointsman", *request["words"]]
        from bot.main import main as pointsman

        pointsman()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
