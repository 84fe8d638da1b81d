"""Plain values that the SDK takes and returns: records, consents, reports, codes."""
