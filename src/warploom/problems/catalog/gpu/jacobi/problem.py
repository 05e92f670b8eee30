"""One sweep of Jacobi's method for Poisson's equation on a grid, five points, the border kept, in float32."""

from warploom import Problem, Tensor, Workload


def jacobi(u, f):
    out = u.clone()
    around = u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:]
    out[1:-1, 1:-1] = 0.25 * (around - f[1:-1, 1:-1])
    return out


problem = Problem(
    name="jacobi",
    title="one Jacobi sweep of the five-point stencil, float32",
    axes=("height", "width"),
    inputs={"u": Tensor("height width"), "f": Tensor("height width")},
    outputs={"out": Tensor("height width")},
    reference=jacobi,
    workloads=[Workload(height=8192, width=8192), Workload(height=10000, width=6001)],
    held_out=[
        Workload(height=1, width=1),
        Workload(height=2, width=300),
        Workload(height=37, width=71, recipe="offset"),
        Workload(height=17, width=128, recipe="wide"),
        Workload(height=33, width=64, recipe="special"),
    ],
)
