#!/usr/bin/env python3
"""Chromium that does not see interfaces of the network come and go; its arguments are Chromium's.

Each container that starts or ends on this machine changes its network, upon which Chromium gives up every request that
is under way, those to this machine too (ERR_NETWORK_CHANGED). Tests of containers run beside those in a browser. It
learns of interfaces through netlink sockets, and takes the network for unchanging where it can have none: the kernel
refuses them to this process and its children, which needs no privilege.
"""

import ctypes
import os
import platform
import struct
import sys

# Of `socket`, by machine: the number that the kernel knows the machine by, and the call's.
CALLS = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
AF_NETLINK, EAFNOSUPPORT = 16, 97
SECCOMP_ALLOW, SECCOMP_ERRNO = 0x7FFF0000, 0x00050000
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
# Of the classic packet filter: load a word, jump if equal, return.
LOAD, JUMP, RETURN = 0x20, 0x15, 0x06
# Where the kernel shows the call's number, the machine, and the low half of its first argument.
NUMBER, MACHINE, FIRST = 0, 4, 16


class Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def build_filter(machine: int, call: int) -> bytes:
    """Refuse netlink sockets of this machine's calls, and allow everything else."""
    steps = [
        (LOAD, 0, 0, MACHINE),
        (JUMP, 0, 5, machine),
        (LOAD, 0, 0, NUMBER),
        (JUMP, 0, 3, call),
        (LOAD, 0, 0, FIRST),
        (JUMP, 0, 1, AF_NETLINK),
        (RETURN, 0, 0, SECCOMP_ERRNO | EAFNOSUPPORT),
        (RETURN, 0, 0, SECCOMP_ALLOW),
    ]
    return b"".join(struct.pack("HBBI", *step) for step in steps)


def refuse_netlink() -> None:
    if platform.machine() not in CALLS:
        return
    content = build_filter(*CALLS[platform.machine()])
    program = Program(len(content) // 8, content)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) != 0:
        sys.stderr.write(f"seccomp: {os.strerror(ctypes.get_errno())}\n")


if __name__ == "__main__":
    refuse_netlink()
    os.execvp("chromium", ["chromium", *sys.argv[1:]])
