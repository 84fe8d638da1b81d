"""Answer the pages, one theme a module."""
