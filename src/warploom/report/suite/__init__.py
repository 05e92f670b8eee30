"""A benchmark of many problems for people: tables on the terminal, one page to read, several side by side."""
