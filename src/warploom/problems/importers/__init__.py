"""Problems in formats that people have already, turned into native problem files.

An address such as ``kernelbench:1/23`` names a format and a place. One small file a format finds the sources
(:mod:`kernelbench`, :mod:`pytorch`, :mod:`gpumode`) and says how they are called, as a
:class:`~warploom.problems.importers.program.Program`. A process of its own then studies that program
(:mod:`study`) and writes a native problem file that holds the sources as text; from there on it is a problem file like
any other, and nothing else of Warploom knows where it came from.
"""
