"""Records of what is published, and its proof: receipts, digests, documents."""
