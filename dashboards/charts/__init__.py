"""Charts as HTML, one family a file: rows in, text out, in which the text of others is escaped."""
