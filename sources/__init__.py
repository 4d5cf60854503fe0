"""Readers of input formats: one file a format, each lists, scans and opens."""
