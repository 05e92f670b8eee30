"""Where problems come from: the native format, and the shipped catalog.

Takes a name of the catalog or the path of a problem file and gives a :class:`~warploom.values.problem.Problem`.
The file itself is run by PyTorch in a process of its own, so whoever imports this package stays free of torch.
"""

from warploom.problems.load import (
    cache_directory,
    catalog_names,
    find_seed,
    is_shipped,
    load_catalog,
    load_problem,
    locate,
)

__all__ = ["cache_directory", "catalog_names", "find_seed", "is_shipped", "load_catalog", "load_problem", "locate"]
