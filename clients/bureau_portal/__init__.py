"""Let people read and control their credit file in a browser, with their own keys.

A client of the bureau like any other. What a person signs, the browser signs: the portal
prepares the bytes, and never holds a person's key.
"""
