"""The HTTP client behind ``import``, ``export`` and ``demo``: what it sends twice is stored once."""
