"""Records in files."""
