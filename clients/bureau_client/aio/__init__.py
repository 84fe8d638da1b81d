"""The asynchronous clients; `clients/unasync.py` generates the synchronous ones from them."""
