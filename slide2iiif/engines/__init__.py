"""Engines, which run the work. `engines.base` is their contract; each other module is one kind, or a part of one."""
