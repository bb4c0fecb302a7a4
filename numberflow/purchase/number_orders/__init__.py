"""Number orders (KYC): check the papers, create and submit through the journal, then follow."""
