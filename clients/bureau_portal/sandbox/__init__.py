"""The portal of a sandbox. `bureau dev` alone loads it: its people lend their keys to everybody."""

from bureau_portal.sandbox.serving import part

__all__ = ["part"]
