"""The agent over HTTP on loopback: commands and small reads as JSON, tables as Arrow IPC."""
