"""The HTTP client of the commands ``import``, ``export`` and ``demo``."""
