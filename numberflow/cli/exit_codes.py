"""How a command ends, for scripts (README, "What it does today")."""

DONE = 0
CRASH = 1
BAD_INPUT = 2
REFUSED = 3
NEEDS_PERSON = 4
