"""The shelf: language → its book."""

from __future__ import annotations

from warploom.propose.moves.book import Book
from warploom.propose.moves.cpp.book import CPP, OPENCL
from warploom.propose.moves.cuda.book import CUDA, HIP
from warploom.propose.moves.triton.book import TRITON

BOOKS: dict[str, Book] = {"cpp": CPP, "opencl": OPENCL, "triton": TRITON, "cuda": CUDA, "hip": HIP}


def book_of(language: str) -> Book:
    """The book of a language; an empty one where none is written: then parameters alone are tuned."""
    return BOOKS.get(language, Book())
