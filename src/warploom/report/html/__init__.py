"""One self-contained page about a run: takes a journal, gives HTML, SVG and PNG; loads nothing from anywhere."""
