"""What is private in text, and under which keyed name it may be stored."""
