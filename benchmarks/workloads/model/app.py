"""An order, validated and turned back into JSON by a pydantic model."""

from datetime import date

from pydantic import BaseModel, Field


class Line(BaseModel):
    sku: str
    count: int = Field(gt=0)
    price: float = Field(ge=0)


class Order(BaseModel):
    customer: str
    due: date
    lines: list[Line]


def handler(event, context):
    order = Order.model_validate(event)
    total = sum(line.count * line.price for line in order.lines)
    return {"total": round(total, 2), "order": order.model_dump(mode="json")}
