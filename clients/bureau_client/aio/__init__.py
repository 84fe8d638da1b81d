"""The asynchronous clients, for the tasks of one event loop; `sync` has their synchronous form."""
