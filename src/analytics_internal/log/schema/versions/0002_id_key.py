"""The id key."""

from analytics_internal.log.migrations import run_file

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_file("0002_id_key.sql")
