"""Run a program as a named user: ``python user_namespace.py UID PROGRAM ARGUMENTS``.

initdb refuses a user without an entry in /etc/passwd, which OpenShift gives containers. In a user namespace the program
sees itself as the user UID; its files still belong to the real user. This is a process of its own because one with
several threads cannot enter a namespace. It imports the standard library only.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

CLONE_NEWUSER = 0x1000_0000
NO_NAMESPACE = 113
"""The exit code if the system allows no user namespace."""


def _enter_namespace_as(uid: int) -> None:
    own = os.geteuid()
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "no user namespace")
    Path("/proc/self/uid_map").write_text(f"{uid} {own} 1\n")


if __name__ == "__main__":
    try:
        _enter_namespace_as(int(sys.argv[1]))
    except (OSError, AttributeError) as error:
        print(error, file=sys.stderr)
        sys.exit(NO_NAMESPACE)
    os.execv(sys.argv[2], sys.argv[2:])
