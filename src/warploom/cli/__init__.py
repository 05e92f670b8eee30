"""The command line: parse, call, print; one file a command.

Takes words, gives text or one JSON object, and an exit code: 0 passed, 1 failed, 2 bad input.
May import every other package of Warploom; nothing imports it.
"""
