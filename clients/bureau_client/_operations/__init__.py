"""Operations: the calls of each, in order, and the checks of their replies.

An operation is a generator that does no I/O. It yields a `Call` and is sent the reply,
yields a `Progress` or a `Sleep` and is sent nothing, and returns the result. The drivers in
`bureau_client._transport` run operations, one over `grpc`, one over `grpc.aio`; so each
operation is written once.
"""
