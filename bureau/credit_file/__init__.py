"""The credit file: accounts and subject events are updated, read, and shaped into reports.

Most modules are pure. A journey calls those that read or write, in its transaction.
"""
