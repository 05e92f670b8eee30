"""Rewrites of C++ loop nests, and of OpenCL's. In the hall stands what several rooms need; :mod:`.book` lists all."""
