"""Source → artifact and static facts; one file a language. Imports syntax, values and errors."""
