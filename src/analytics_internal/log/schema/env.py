"""Alembic's entry point: runs the migrations on the connection and in the schema that ``migrations.py`` passes."""

from alembic import context

# Without a schema Alembic takes the first version table on the search path, perhaps another program's.
settings = context.config.attributes
context.configure(connection=settings["connection"], version_table_schema=settings["schema"], target_metadata=None)
with context.begin_transaction():
    context.run_migrations()
