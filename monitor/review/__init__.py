"""The weekly review as values: which answers are looked at and with what probability, and what follows from what people said."""
