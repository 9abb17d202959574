"""Find the slides of a source, name them, and see that they stay what they are. Reads the source, writes nothing."""
