"""What a worker may use up before it is ended."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Bounds on one worker.

    Attributes:
        memory_bytes: private memory (heap, stacks, scratch); staged buffers come on top and are not counted.
        processes: threads a worker may have. Further processes are never allowed.
        cpu_seconds: processor time over the worker's whole life, all threads together.
        file_bytes: largest file, and the size of its private ``/tmp`` and of its ``/dev/shm``.
        output_bytes: what it may print over its whole life; the last of it is kept as the log tail.
        start_seconds: deadline from start until the kernel is loaded, and for staging buffers.
        call_seconds: deadline that callers of :meth:`CandidateProcess.run` use where they have no better one.
    """

    memory_bytes: int = 2048 * MIB
    processes: int = 256
    cpu_seconds: int = 600
    file_bytes: int = 16 * MIB
    output_bytes: int = 64 * 1024
    start_seconds: float = 10.0
    call_seconds: float = 10.0

    def __post_init__(self) -> None:
        for name in ("memory_bytes", "processes", "cpu_seconds", "file_bytes", "output_bytes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.memory_bytes < 64 * MIB:
            raise ValueError(
                f"memory_bytes must be at least {64 * MIB} (the worker itself needs some), got {self.memory_bytes}"
            )
        for name in ("start_seconds", "call_seconds"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
