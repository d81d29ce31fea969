"""What the child process is told to do in the tests of the sandbox."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping


def turn_round(data: bytes, options: Mapping[str, int]) -> bytes:
    return data[::-1] + str(options.get("more", "")).encode()


def take_memory(data: bytes, options: Mapping[str, int]) -> bytes:
    held = [bytearray(1 << 20) for _ in range(options["megabytes"])]
    return str(len(held)).encode()


def take_time(data: bytes, options: Mapping[str, int]) -> bytes:
    while True:
        pass


def sleep(data: bytes, options: Mapping[str, int]) -> bytes:
    time.sleep(60)
    return b""


def crash(data: bytes, options: Mapping[str, int]) -> bytes:
    os.kill(os.getpid(), signal.SIGSEGV)
    return b""


def leave(data: bytes, options: Mapping[str, int]) -> bytes:
    # As if all were well, but without an answer.
    os._exit(0)


def fail(data: bytes, options: Mapping[str, int]) -> bytes:
    raise KeyError("something nobody thought of")


def write_much(data: bytes, options: Mapping[str, int]) -> bytes:
    return bytes(options["megabytes"] << 20)


def see(data: bytes, options: Mapping[str, int]) -> bytes:
    return "\n".join(sorted(os.environ)).encode()
