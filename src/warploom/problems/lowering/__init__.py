"""From a PyTorch reference to plain C++ loops: a start on problems that have none.

- ``trace``: a process apart runs ``torch.export`` at every shape that is judged: graphs of ATen operators.
- ``graph``: those graphs as one, every number in it an expression of the problem's axes (``fit``).
- ``rewrite``: operators that are made of others.
- ``operators``: what each of them computes, as expressions and loops; one file a family.
- ``kernel``: which values get memory, which are computed where they are used; ``nest`` writes the loops.
- ``lower``: all of it: a problem in, C++ text out.
"""
