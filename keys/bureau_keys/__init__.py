"""Signatures, proofs and certificates: pure, and the same code on both sides."""
