"""Small random kernels: two nested loops with reductions, scratch rows, locals and row pointers, in either order."""

from __future__ import annotations

import random


def random_kernel(rng: random.Random) -> str:
    """``extern "C" void kernel(const float* x, const float* y, float* out, float* row_out, int64_t n, int64_t m)``.

    ``x`` and ``out`` are n by m, ``y`` has m elements, ``row_out`` has n (rows outside) or m (columns outside).
    """
    return _Writer(rng).kernel()


class _Writer:
    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._rows_outside = rng.random() < 0.7
        self._pointer = self._rows_outside and rng.random() < 0.5
        self._scalars: list[str] = []
        self._dear: list[str] = []

    def kernel(self) -> str:
        outer, size = ("i", "n") if self._rows_outside else ("j", "m")
        lines = []
        if self._pointer:
            lines.append("const float* row = x + i * m;")
        if self._rows_outside and self._rng.random() < 0.25:
            lines += self._variance()
        for _ in range(self._rng.randint(1, 4)):
            lines += self._part()
        lines.append(f"row_out[{outer}] = {self._rng.choice(self._scalars or ['0.5f'])};")
        body = "\n        ".join(lines)
        return (
            'extern "C" void kernel(const float* x, const float* y, float* out, float* row_out, int64_t n, int64_t m) {\n'
            f"    for (int64_t {outer} = 0; {outer} < {size}; ++{outer}) {{\n        {body}\n    }}\n}}\n"
        )

    def _part(self) -> list[str]:
        kind = self._rng.choice(["sum", "sum", "max", "write", "local"])
        name = f"s{len(self._scalars)}"
        loop = "for (int64_t j = 0; j < m; ++j)" if self._rows_outside else "for (int64_t i = 0; i < n; ++i)"
        if kind == "local":
            value = f"{self._scalar()} * 0.5f + 1.0f"
            self._scalars.append(name)
            return [f"const float {name} = {value};"]
        if kind == "write":
            return [f"{loop} {{ {self._write()} }}"]
        term = self._term()
        also = self._write() if self._rng.random() < 0.3 else ""
        if self._rng.random() < 0.4:
            also += f" const float t = {term};"
            term = "t"
        step = f"{name} += {term};" if kind == "sum" else f"{name} = std::max({name}, {term});"
        made = [f"float {name} = {'0.0f' if kind == 'sum' else '-1e30f'};", f"{loop} {{ {also} {step} }}"]
        self._scalars.append(name)
        return made

    def _variance(self) -> list[str]:
        element = self._element()
        self._scalars += ["mean", "squares"]
        return [
            "float total = 0.0f;",
            f"for (int64_t j = 0; j < m; ++j) {{ total += {element}; }}",
            "const float mean = total / m;",
            "float squares = 0.0f;",
            f"for (int64_t j = 0; j < m; ++j) {{ squares += ({element} - mean) * ({element} - mean); }}",
        ]

    def _write(self) -> str:
        operator = self._rng.choice(["=", "=", "+="])
        return f"out[i * m + j] {operator} {self._term()};"

    def _scalar(self) -> str:
        return self._rng.choice([*self._scalars, "0.25f", "y[0]"])

    def _element(self) -> str:
        return "row[j]" if self._pointer and self._rng.random() < 0.7 else "x[i * m + j]"

    def _term(self) -> str:
        element = self._element()
        if self._dear and self._rng.random() < 0.4:
            return f"{self._rng.choice(self._dear)} * {self._scalar()}"
        match self._rng.randint(0, 6):
            case 0:
                return f"{element} * y[j]"
            case 1:
                self._dear.append(f"std::exp({element} * 0.5f - {self._scalar()} * 0.01f)")
                return self._dear[-1]
            case 2:
                return f"({element} - {self._scalar()}) / 3.0f"
            case 3:
                return f"{element} * {element} / (1.0f + {self._scalar()} * {self._scalar()})"
            case 4:
                return f"({element} > 0.0f ? {element} : {self._scalar()} * 0.1f)"
            case 5:
                return f"{element} * (1.0f / (1.0f + {self._scalar()} * {self._scalar()}))"
            case _:
                return element
