"""The synchronous clients, safe to share between threads."""
