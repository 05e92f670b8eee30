"""The first thing that runs in the jail: ``confined.py USER MEMORY FILE PROCESSES COMMAND…`` becomes COMMAND.

It gives up the user's rights and takes on limits before a line of the imported program is read. USER is a number, -1 to
stay; MEMORY and FILE are in bytes. Started as a plain file; imports nothing of Warploom.
"""

import os
import resource
import sys


def main(words: list[str]) -> None:
    """Confine this process, then replace it by the command."""
    user, memory, file, processes = (int(word) for word in words[:4])
    if user >= 0:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    for kind, bound in (
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_FSIZE, file),
        (resource.RLIMIT_NPROC, processes),
        (resource.RLIMIT_NOFILE, 4096),
        (resource.RLIMIT_CORE, 0),
    ):
        most = resource.getrlimit(kind)[1]
        bound = bound if most == resource.RLIM_INFINITY else min(bound, most)
        resource.setrlimit(kind, (bound, bound))
    os.execv(words[4], words[4:])


if __name__ == "__main__":
    main(sys.argv[1:])
