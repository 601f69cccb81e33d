"""The state of destinations."""

from analytics_internal.log.migrations import run_file

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_file("0003_destinations.sql")
