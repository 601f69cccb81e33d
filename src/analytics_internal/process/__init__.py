"""One process of the service: its parts started and stopped in order."""
