"""The service's own PostgreSQL, for those who have none: made, started, watched and stopped in the data folder."""

from analytics_internal.embedded.server import EmbeddedPostgres, EmbeddedPostgresError, running_dsn

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "running_dsn"]
