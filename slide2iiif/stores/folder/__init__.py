"""A published tree in a folder. The only code that touches the target's disk."""
