"""One chart a module: takes what was gathered and a width in pixels, gives a drawing."""
