"""The runbooks: order of steps, branching, waiting for people.

No HTTP, SQL or file access in here.
"""
