"""The log."""

from analytics_internal.log.migrations import run_file

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_file("0001_log.sql")
