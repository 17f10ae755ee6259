"""What leaves the store, and the file that is written anew so that no byte of it stays."""
