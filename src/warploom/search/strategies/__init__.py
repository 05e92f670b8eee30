"""The strategies, one file each. They take the archive and give requests; none of them keeps a candidate's history."""
