"""The layout of Hugging Face ``kernels``: a project that its kernel-builder takes, and a build that loads at once.

The kernel is compiled at its first use, so the build is of the kind ``torch-noarch`` for the backend ``cpu``: a folder
``build/torch-cpu`` with the module and a ``metadata.json`` that names it, with the hash of every file. The format is
described in the documentation of ``kernels`` under "Kernel requirements" and "Writing kernels"; edition 5 of
``build.toml``.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping

from warploom.export.card import card
from warploom.export.gather import Operator
from warploom.export.markdown import block, code
from warploom.export.naming import Naming
from warploom.export.torch_package import LIMITS, module_files, operator_test

VERSION = 1
EDITION = 5
BUILD = "build/torch-cpu"
NO_LICENSE = "other"

FLAKE = """{
  inputs.kernel-builder.url = "github:huggingface/kernels";
  outputs =
    { self, kernel-builder }:
    kernel-builder.lib.genKernelFlakeOutputs {
      inherit self;
      path = ./.;
    };
}
"""


def hub(operator: Operator, names: Naming, license_name: str = "") -> dict[str, str]:
    """Path → text of every file.

    Args:
        operator: what is exported.
        names: what everything is called.
        license_name: as the Hub spells it, such as apache-2.0; "" for "other".
    """
    license_name = license_name.lower() or NO_LICENSE
    # Two versions may be loaded in one process, so that the operator's namespace carries a hash of the files.
    unique = f"_{names.package}_cpu_{_hash(module_files(operator, names))}"
    inside = module_files(operator, names, unique)
    built = {**inside, f"{names.package}/__init__.py": _forward(inside["__init__.py"])}
    source = f"torch-ext/{names.package}"
    return {
        "README.md": _front_matter(license_name)
        + card(operator, names, _use(names), f"{source}/variants/{{id}}", LIMITS),
        "build.toml": _build(names, license_name, inside),
        "flake.nix": FLAKE,
        "tests/__init__.py": "",
        f"tests/test_{names.package}.py": operator_test(operator, names),
        **{f"{source}/{path}": text for path, text in inside.items()},
        **{f"{BUILD}/{path}": text for path, text in built.items()},
        f"{BUILD}/metadata.json": _metadata(names, unique, license_name, built),
    }


def _metadata(names: Naming, unique: str, license_name: str, files: Mapping[str, str]) -> str:
    digests = {
        path: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for path, text in sorted(files.items())
    }
    found = {
        "name": names.distribution,
        "id": unique,
        "version": VERSION,
        "license": license_name,
        "python-depends": [],
        "backend": {"type": "cpu"},
        "digest": {"algorithm": "sha256", "files": digests},
    }
    return json.dumps(found, indent=2) + "\n"


def _build(names: Naming, license_name: str, files: Mapping[str, str]) -> str:
    suffixes = sorted({path.rpartition(".")[2] for path in files})
    return f"""[general]
name = "{names.distribution}"
version = {VERSION}
edition = {EDITION}
license = {json.dumps(license_name)}
backends = ["cpu"]

[torch-noarch]
pyext = {json.dumps(suffixes)}
"""


def _front_matter(license_name: str) -> str:
    return f"---\nlibrary_name: kernels\nlicense: {json.dumps(license_name)}\ntags:\n- kernel\n---\n\n"


def _use(names: Naming) -> str:
    load = (
        "from pathlib import Path\n\nfrom kernels import get_local_kernel   # or get_kernel, once it is on the Hub\n\n"
        f'kernel = get_local_kernel(Path("."))\nkernel.{names.function}({", ".join(names.arguments)})\n'
        "print(kernel.counts())"
    )
    return "\n\n".join(
        [
            block(load, "python"),
            (
                "A call whose shapes are in the table runs the kernel, which is compiled at its first use with this "
                f"machine's compiler; every other call runs the PyTorch reference. "
                f"{code('counts()')} says how often each path ran. "
                f"{code('WARPLOOM_DISABLE=1')} switches back to PyTorch at once."
            ),
        ]
    )


def _forward(text: str) -> str:
    """The module by its name, for older versions of the loader: it runs the one above."""
    exported = next(line for line in text.splitlines() if line.startswith("__all__"))
    return f'''"""The same module, where older loaders look for it."""

import importlib.util
import sys
from pathlib import Path

_above = Path(__file__).parent.parent / "__init__.py"
_spec = importlib.util.spec_from_file_location(f"{{__name__}}_above", _above)
_module = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = _module
_spec.loader.exec_module(_module)

{exported}
globals().update({{name: getattr(_module, name) for name in __all__}})
'''


def _hash(files: Mapping[str, str]) -> str:
    digest = hashlib.sha256()
    for path, text in sorted(files.items()):
        for data in (path.encode(), text.encode()):
            digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:7]
