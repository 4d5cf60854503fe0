"""Which traces or boxes get a number, how it is drawn, and what the text says."""
