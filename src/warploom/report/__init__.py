"""What people and programs are shown: live progress, summaries, and the JSON objects of the commands.

Takes values, events and read-only views of a run; gives rich renderables and plain JSON values. Prints nothing itself.
"""
