"""Runs operations: connections, retries, failover, errors.

`engine.run_operation` decides and does no I/O; the drivers `grpc_sync` and `grpc_aio` send
its attempts, sleep for its pauses, and return the replies to it.
"""
