"""Runs a graph of two steps."""

import asyncio

from pydantic_graph import GraphBuilder, StepContext

EXPECTED = [42, True]
builder = GraphBuilder(input_type=int, output_type=int)


@builder.step
async def double(context: StepContext[None, None, int]) -> int:
    return context.inputs * 2


@builder.step
async def more(context: StepContext[None, None, int]) -> int:
    return context.inputs + 2


builder.add(
    builder.edge_from(builder.start_node).to(double),
    builder.edge_from(double).to(more),
    builder.edge_from(more).to(builder.end_node),
)
graph = builder.build()


def use():
    return [asyncio.run(graph.run(inputs=20)), "double" in graph.render()]
