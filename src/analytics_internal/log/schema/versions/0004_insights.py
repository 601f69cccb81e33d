"""Agents, the catalog with its history, and segments."""

from analytics_internal.log.migrations import run_file

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_file("0004_insights.sql")
