"""Pure decisions: wanted and shown become steps. No I/O, clock or randomness."""
