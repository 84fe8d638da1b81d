"""Carries operations out: connections, retries, failover, errors.

`run_operation` decides, `sync` and `aio` do: they send what it says, sleep as long as
it says, and hand back what came.
"""
