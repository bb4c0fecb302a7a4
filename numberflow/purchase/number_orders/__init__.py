"""Number orders (KYC): papers checked first, created and submitted through the journal, then followed."""
