"""Maintenance of a published tree: verify, repair, rebase."""
