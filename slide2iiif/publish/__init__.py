"""Export a source tree: many slides (`run`), one slide from top to bottom (`slide`), and removals (`prune`)."""
