"""The pages, one theme a module."""
