"""Tell whether a run fits into its place, before the first write."""
