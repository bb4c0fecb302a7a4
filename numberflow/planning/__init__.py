"""Pure decisions: what was wanted and what the vendor shows, turned into steps.

No I/O, no clock, no randomness of its own.
"""
