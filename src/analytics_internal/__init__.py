"""Usage analytics for Backstage, kept inside the company."""

from importlib.metadata import version

__version__ = version("backstage-analytics-internal")
__all__ = ["__version__"]
