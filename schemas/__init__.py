"""What flows through the pipeline and what is written: types, fields, keys, tar and tables.

Importing this package costs NumPy and nothing else.
"""
