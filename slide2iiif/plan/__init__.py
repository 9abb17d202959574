"""Turn the description of a slide and the options into a plan of its published files. Pure: no I/O."""
