"""A migration on sqlite, and what is missing."""

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations

EXPECTED = [["id", "name"], ["add_table", "add_column"]]


def use():
    metadata = sa.MetaData()
    columns = [
        sa.Column("id", sa.Integer),
        sa.Column("name", sa.String),
        sa.Column("age", sa.Integer),
    ]
    sa.Table("person", metadata, *columns)
    sa.Table("pet", metadata, sa.Column("id", sa.Integer))
    with sa.create_engine("sqlite://").connect() as connection:
        context = MigrationContext.configure(connection)
        operations = Operations(context)
        operations.create_table("person", sa.Column("id", sa.Integer))
        operations.add_column("person", sa.Column("name", sa.String))
        found = [column["name"] for column in sa.inspect(connection).get_columns("person")]
        missing = [change[0] for change in compare_metadata(context, metadata)]
    return [found, missing]
