"""Pure decisions: from what is wanted and shown to steps. No I/O, clock or randomness."""
