"""The bureau's server: a shared credit bureau over gRPC."""

from importlib.metadata import version

__version__ = version("creditbureau")
