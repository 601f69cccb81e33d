"""The service's own PostgreSQL in the data folder, for installations without a database."""

from analytics_internal.embedded.server import EmbeddedPostgres, running_dsn
