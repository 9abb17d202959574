"""Keep a published tree right: verify, repair, rebase."""
