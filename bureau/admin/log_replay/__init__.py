"""Replay of a log: every statement is taken once more, by the journey that took it, into an
empty database.

A statement is replayed at its own time, under its own entry key, and by the policy that was
in force. The statements give what the replay stores: the tables of the bureau must equal it.
A journey that refuses a statement on the replay shows that the bureau should never have taken
it: its signature does not verify under a key that was in force, its signer had no right to it,
or a consent did not allow it.

An erased statement cannot be replayed. A signed erasure must name it; its rows are taken over
as they are, and from there on nothing proves what members and subjects read by way of it.

`replay.py` follows the log; `kinds.py` has the replay of every kind of statement.
"""
