"""One module for each revision of the journal's schema, named by its number."""
