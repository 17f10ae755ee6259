"""The roof: the only place where the rooms of the house are put together."""
