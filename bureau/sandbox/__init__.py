"""The sandbox of `bureau dev` and of `bureau.testing`: the production node, with people, lenders,
a clock that moves, and faults on request. Production code imports nothing of it.
"""
