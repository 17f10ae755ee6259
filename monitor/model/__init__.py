"""The values that flow through the house and the rows they are stored as. Imports nothing heavy, is imported by all."""
