"""How work is run. `engines.base` says what an engine must do; each sibling is one kind."""
