"""The dashboard: runs while they go, in a browser on this machine. It needs the extra ``ui``."""
