"""Alembic's entry: runs the migrations on the connection it is handed, in the schema that this one writes to."""

from alembic import context

# Named, or Alembic takes the first table of versions along the search path, which may be another program's.
settings = context.config.attributes
context.configure(connection=settings["connection"], version_table_schema=settings["schema"], target_metadata=None)
with context.begin_transaction():
    context.run_migrations()
