"""The ORM on sqlite, synchronous."""

from sqlalchemy import ForeignKey, create_engine, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

EXPECTED = [["Ada", 2], ["x", "y"], "SELECT owner.id, owner.name \nFROM owner"]


class Base(DeclarativeBase):
    pass


class Owner(Base):
    __tablename__ = "owner"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    things: Mapped[list["Thing"]] = relationship()


class Thing(Base):
    __tablename__ = "thing"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    owner_id: Mapped[int] = mapped_column(ForeignKey("owner.id"))


def use():
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Owner(name="Ada", things=[Thing(name="x"), Thing(name="y")]))
        session.commit()
        counted = select(Owner.name, func.count(Thing.id)).join(Thing).group_by(Owner.name)
        row = session.execute(counted).one()
        owner = session.scalars(select(Owner)).one()
        return [list(row), [thing.name for thing in owner.things], str(select(Owner))]
