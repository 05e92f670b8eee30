"""``python -m PACKAGE build`` builds the kernels ahead of time; ``python -m PACKAGE status`` says what will run."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from . import library

PACKAGE = Path(__file__).parent


def main() -> int:
    """Run one of the two; 1 when a kernel cannot be built."""
    parser = argparse.ArgumentParser(prog=f"python -m {PACKAGE.name}", description=__doc__)
    parser.add_argument("action", choices=("build", "status"))
    parser.add_argument(
        "--here", action="store_true", help="build into the package itself, for an image that ships without a compiler"
    )
    words = parser.parse_args()
    manifest = json.loads((PACKAGE / "manifest.json").read_text(encoding="utf-8"))
    code = 0
    for name, variant in manifest["variants"].items():
        folder = PACKAGE / "variants" / name
        try:
            if words.action == "build":
                into = library.built_folder(PACKAGE) if words.here else library.cache_folder()
                said = str(library.build(folder, variant, into))
            else:
                library.load(folder, variant, PACKAGE)
                rows = [row for row in manifest["table"] if row["variant"] == name]
                shapes = "; ".join(", ".join(f"{axis}={n}" for axis, n in row["axes"].items()) for row in rows)
                said = f"runs here, for {shapes}"
        except (library.CannotBuild, OSError) as error:
            said, code = f"the reference runs instead: {error}", 1
        sys.stdout.write(f"{name}: {said}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
