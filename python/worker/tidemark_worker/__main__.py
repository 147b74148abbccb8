"""``python -s -P -m tidemark_worker MODULE…``: imports the modules, then forks a child for each task that stdin asks for.

JSON lines. Tasks come on stdin; what happens goes to descriptor 3, so that nothing a library prints can be taken for it.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys

from tidemark_worker.forkserver import ForkServer

EVENTS_FD = 3


def main() -> None:
    os.umask(0o077)
    os.set_inheritable(EVENTS_FD, False)
    for name in sys.argv[1:]:
        if importlib.util.find_spec(name.split(".")[0]) is not None:
            importlib.import_module(name)
    ForkServer(commands_fd=0, events_fd=EVENTS_FD).serve()


if __name__ == "__main__":
    main()
