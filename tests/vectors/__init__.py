"""The conformance vectors of the wire format, and the script that writes them.

`python -m tests.vectors` writes `protos/vectors/*.json`; a test holds the files
against the script. The same code gives the same bytes.
"""
