"""Carries plans out: connections, retries, failover, errors.

`conduct` decides, `sync` and `aio` do: they send what it says, sleep as long as
it says, and hand back what came.
"""
