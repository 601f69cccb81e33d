"""The service's own PostgreSQL in the data folder, for installations without a database."""

from analytics_internal.embedded.server import EmbeddedPostgres, EmbeddedPostgresError, running_dsn

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "running_dsn"]
