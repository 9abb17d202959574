"""Checks before the first write: free space and inodes for the run."""
