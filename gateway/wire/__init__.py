"""The two wire protocols: parsing and printing, pure."""
