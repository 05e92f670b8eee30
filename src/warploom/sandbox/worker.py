"""The inside of the jail: load one shared object, map buffers, call the kernel when told.

Started as a plain file by ``python -I -S -E worker.py DESCRIPTOR``; imports nothing of Warploom and as little as
possible of the standard library, because its start is on the way of every candidate. Nothing it says is
trusted: its owner keeps the clock and the verdict. The messages are described in :mod:`warploom.sandbox.wire`.
"""

import _socket
import array
import ctypes
import os
import resource
import sys

_libc = ctypes.CDLL(None, use_errno=True)
_mmap = _libc.mmap
_mmap.restype = ctypes.c_void_p
_mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int64]
_munmap = _libc.munmap
_munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]

_PROT_READ, _PROT_WRITE = 1, 2
_MAP_SHARED, _MAP_POPULATE = 0x1, 0x8000
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_SIGXFSZ = 25
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT, _LANDLOCK_READ_DIR = 444, 445, 446, 1 << 3
_ONE, _SLIGHT, _DENORMAL, _SMALLEST_NORMAL = 1.0, 2.0**-60, 2.0**-1074, 2.0**-1022
Prepared = tuple[ctypes.c_void_p | ctypes.c_int64, ...]
_SECCOMP_SPEC_ALLOW = 4  # without it older kernels slow every store of the candidate down


def _failure(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")


def _install_filter(program: bytes, seccomp_number: int) -> None:
    """Install a seccomp program (eight bytes an instruction) for this process and all its threads to come."""

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]

    description = Program(len(program) // 8, program)
    for flags in (_SECCOMP_SPEC_ALLOW, 0):
        if _libc.syscall(seccomp_number, 1, flags, ctypes.byref(description)) == 0:
            return
    raise _failure("seccomp")


def _seal_off(words: list[str]) -> None:
    """Let this process open nothing but these paths, for reading: ``rights size handled… path…``, paths in hex."""
    rights, size = int(words[0]), int(words[1])
    handled = words[2 : 2 + size]
    attributes = (ctypes.c_uint64 * size)(*(int(word) for word in handled))
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    ruleset = _libc.syscall(_LANDLOCK_CREATE, ctypes.byref(attributes), ctypes.sizeof(attributes), 0)
    if ruleset < 0:
        raise _failure("landlock")
    for word in words[2 + size :]:
        descriptor = os.open(bytes.fromhex(word), os.O_PATH)
        allowed = rights if os.fstat(descriptor).st_mode & 0o040000 else rights & ~_LANDLOCK_READ_DIR
        rule = allowed.to_bytes(8, sys.byteorder) + descriptor.to_bytes(4, sys.byteorder)
        if _libc.syscall(_LANDLOCK_ADD, ruleset, 1, rule, 0) != 0:
            raise _failure("landlock rule")
        os.close(descriptor)
    if _libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0) != 0:
        raise _failure("landlock")
    os.close(ruleset)


def _confine(lines: list[str]) -> None:
    """Give up every power that loading and calling a kernel does not need."""
    for words in (line.split() for line in lines):
        if words[0] == "user":
            user = int(words[1])
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
        elif words[0] == "parent":  # after a change of user, which clears it
            _libc.prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0)
            if os.getppid() != int(words[1]):
                os._exit(0)
        elif words[0] == "limit":
            resource.setrlimit(int(words[1]), (int(words[2]), int(words[3])))
        elif words[0] == "landlock":
            _seal_off(words[1:])
        elif words[0] == "filter":
            if _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
                raise _failure("no_new_privs")
            _install_filter(bytes.fromhex(words[2]), int(words[1]))
    _libc.signal(_SIGXFSZ, None)  # Python ignores it; a worker that fills a disk shall end


def _changed() -> str:
    """How this thread computes otherwise than it did at first, "" when it does not: its owner's caller would, too."""
    if _ONE + _SLIGHT != _ONE or _ONE - _SLIGHT != _ONE:
        return "rounding"
    if _DENORMAL * _ONE == 0.0 or _SMALLEST_NORMAL * 0.5 == 0.0:
        return "denormals"
    return ""


def _load(lines: list[str]) -> "ctypes._NamedFuncPointer":
    """Confine this process, then load the artifact; the kernel's address."""
    _confine(lines[2:])
    kernel = ctypes.CDLL(lines[0], mode=os.RTLD_NOW)[lines[1]]
    for words in (line.split() for line in lines[2:]):
        if words[0] == "loaded":
            _install_filter(bytes.fromhex(words[2]), int(words[1]))
    return kernel


def _receive(channel: _socket.socket) -> tuple[str, list[int]]:
    """The owner's next message and its descriptors."""
    data, extra, _, _ = channel.recvmsg(1 << 16, _socket.CMSG_SPACE(4 * 200))
    descriptors = array.array("i")
    for level, kind, content in extra:
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
            descriptors.frombytes(content)
    return data.decode(), list(descriptors)


def _stage(lines: list[str], descriptors: list[int], mappings: list[tuple[int, int]], calls: list[Prepared]) -> None:
    """Map buffers, every page of them, and prepare calls; the descriptors are closed in any case.

    Lines are ``map size writable begin`` and ``call input output argument…`` with arguments ``i+offset``, ``o+offset``
    or an axis; ``input`` and ``output`` number the mappings.
    """
    waiting = iter(descriptors)
    try:
        for verb, first, second, *words in (line.split() for line in lines):
            if verb == "map":
                protection = _PROT_READ | (_PROT_WRITE if second == "1" else 0)
                flags, begin = _MAP_SHARED | _MAP_POPULATE, int(words[0])
                address = _mmap(None, int(first), protection, flags, next(waiting), begin)
                if address in (None, 2**64 - 1):
                    raise _failure("mapping a buffer")
                mappings.append((address, int(first)))
            else:
                base = {"i": mappings[int(first)][0], "o": mappings[int(second)][0]}
                calls.append(
                    tuple(
                        ctypes.c_void_p(base[word[0]] + int(word[1:])) if word[0] in base else ctypes.c_int64(int(word))
                        for word in words
                    )
                )
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def main() -> None:
    """Serve the owner until it hangs up."""
    channel = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET, 0, int(sys.argv[1]))
    channel.send(f"hello {os.getpid()}".encode())
    kernel: ctypes._NamedFuncPointer | None = None
    mappings: list[tuple[int, int]] = []
    calls: list[Prepared] = []
    while True:
        text, descriptors = _receive(channel)
        if not text:
            os._exit(0)
        head, *lines = text.split("\n")
        verb, token = head.split()
        answer = f"{token} ok".encode()
        try:
            if verb == "go" and kernel:
                for arguments in calls[: int(lines[0])]:
                    kernel(*arguments)
                changed = _changed()
                if changed:
                    said = f"the kernel left the processor in another mode: {changed} differ for whatever runs next"
                    answer = f"{token} failed wrong_result {said}".encode()
            elif verb == "load":
                kernel = _load(lines)
                kernel.restype = None
            elif verb == "stage":
                calls.clear()
                while mappings:
                    _munmap(*mappings.pop())
                _stage(lines, descriptors, mappings, calls)
            elif verb == "more":
                _stage(lines, descriptors, mappings, calls)
        except (OSError, AttributeError) as error:
            kind = (
                "load_error" if verb == "load" else "out_of_memory" if getattr(error, "errno", 0) == 12 else "protocol"
            )
            answer = f"{token} failed {kind} {error}".encode()[:4096]
        channel.send(answer)


if __name__ == "__main__":
    main()
