"""Where published bytes are put. `stores.base` says what a store must do; each sibling is one kind."""
