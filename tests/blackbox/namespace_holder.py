"""Holds network namespaces and hands out sockets that live in them.

Runs as a process of its own, since a process can only be in one network namespace at a time, and a
user namespace cannot be left again. Usage: namespace_holder.py CONTROL_FD COUNT

CONTROL_FD is a SOCK_SEQPACKET socket. Each request "INDEX FAMILY TYPE PROTO COUNT" is answered with
COUNT new sockets of namespace INDEX (SCM_RIGHTS), or with the text of an error. A socket belongs to
the namespace it was made in, whoever uses it, and so do the connections it accepts. When the
control socket closes, the holder ends and the kernel takes the namespaces away: nothing is left
behind, however the tests ended.
"""

import ctypes
import os
import socket
import sys

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def check(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def new_namespace():
    check(libc.unshare(CLONE_NEWNET))
    return os.open("/proc/self/ns/net", os.O_RDONLY)


def main():
    control = socket.socket(fileno=int(sys.argv[1]))
    namespaces = [new_namespace() for _ in range(int(sys.argv[2]))]
    control.send(" ".join(map(str, namespaces)).encode())
    while request := control.recv(256):
        index, family, kind, protocol, count = map(int, request.split())
        try:
            check(libc.setns(namespaces[index], CLONE_NEWNET))
            made = [socket.socket(family, kind, protocol) for _ in range(count)]
            socket.send_fds(control, [b"ok"], [one.fileno() for one in made])
        except OSError as error:
            control.send(str(error).encode())


if __name__ == "__main__":
    main()
