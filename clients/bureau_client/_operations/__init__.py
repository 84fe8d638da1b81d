"""Every operation as a plan: what to ask, in which order, and what to make of it.

A plan is a generator that does no I/O. It yields a `Call` and is sent the reply,
yields a `Progress` and is sent nothing, and returns the operation's result. The
drivers in `bureau_client._transport` carry plans out, one over `grpc`, one over
`grpc.aio`; so each operation is written once.
"""
