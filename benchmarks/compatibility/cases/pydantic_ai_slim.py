"""An agent with a tool and the model for tests."""

from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.models.test import TestModel

EXPECTED = ['{"double":0}', {"name": "a"}]


class City(BaseModel):
    name: str


def use():
    agent = Agent(TestModel())

    @agent.tool_plain
    def double(number: int) -> int:
        """Twice the number."""
        return 2 * number

    said = agent.run_sync("go").output
    city = Agent(TestModel(), output_type=City).run_sync("go").output
    return [said, city.model_dump()]
