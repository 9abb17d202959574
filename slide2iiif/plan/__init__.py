"""Turn description and options into a plan of what will be published. Pure: no input, no output."""
