"""Numbers as tables: the declared schema, and files that are whole or not there."""
