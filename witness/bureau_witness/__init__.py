"""A witness: cosigns the checkpoints of logs that only grow (C2SP tlog-witness).

For members and the regulator: one who runs it keeps a bureau from showing different
logs to different people. It is separate from server and SDK.
"""
