"""The command lines: thin layers over the SDK.

Data goes to stdout, messages and progress to stderr, progress only where that is
a terminal.
"""
