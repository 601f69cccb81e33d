"""The built-in types of destinations, one module each."""
