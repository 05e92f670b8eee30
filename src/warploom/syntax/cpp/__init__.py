"""C++ loops as a small typed tree: ``parse`` text to it, rewrite it, ``render`` it back.

Anything outside the subset (intrinsics, templates, preprocessor lines) is kept verbatim as :class:`RawStatement`,
:class:`RawItem` or :class:`RawExpression`, so that source written by others survives a round trip.
"""
