"""The credit file: what is held about a person, how it is kept true, read and shaped.

Most of it is pure; what reads or writes is called by a journey, in its transaction.
"""
