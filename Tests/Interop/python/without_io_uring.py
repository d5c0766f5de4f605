#!/usr/bin/env python3
"""without_io_uring.py COMMAND [ARGUMENT...]: runs a program that the system lets have no io_uring.

As containers often do: a filter of system calls (seccomp) answers io_uring_setup with EPERM. Linux only.
"""

import ctypes
import os
import sys

# The same number on every architecture: <asm-generic/unistd.h>.
IO_URING_SETUP = 425
EPERM = 1
# <linux/filter.h>, <linux/seccomp.h>, <linux/prctl.h>
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERROR = 0x7FFF0000, 0x00050000
SET_NO_NEW_PRIVILEGES, SET_SECCOMP, FILTER = 38, 22, 2


class Instruction(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint16), ("if_true", ctypes.c_uint8), ("if_false", ctypes.c_uint8), ("k", ctypes.c_uint32)]


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(Instruction))]


def main(command):
    if not command:
        raise SystemExit(__doc__)
    instructions = (Instruction * 4)(
        # The system call's number comes first in what a filter is given.
        Instruction(LOAD_WORD, 0, 0, 0),
        Instruction(JUMP_IF_EQUAL, 0, 1, IO_URING_SETUP),
        Instruction(RETURN, 0, 0, ERROR | EPERM),
        Instruction(RETURN, 0, 0, ALLOW),
    )
    program = Program(len(instructions), instructions)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.prctl(SET_SECCOMP, FILTER, ctypes.byref(program), 0, 0):
        raise SystemExit(f"no filter could be set: {os.strerror(ctypes.get_errno())}")
    os.execv(command[0], command)


main(sys.argv[1:])
