"""A chain with a model that answers from a list."""

import langchain
from langchain_core.language_models import FakeListChatModel
from langchain_core.output_parsers import JsonOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool

EXPECTED = [{"answer": 42}, "Human: What is six times seven?", 42, True]


@tool
def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


def use():
    prompt = ChatPromptTemplate.from_messages([("human", "What is {question}?")])
    model = FakeListChatModel(responses=['```json\n{"answer": 42}\n```'])
    said = (prompt | model | JsonOutputParser()).invoke({"question": "six times seven"})
    text = prompt.invoke({"question": "six times seven"}).to_string()
    return [said, text, multiply.invoke({"a": 6, "b": 7}), bool(langchain.__version__)]
