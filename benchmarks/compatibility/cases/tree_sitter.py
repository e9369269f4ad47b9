"""Parses JSON with a grammar from a wheel."""

import tree_sitter
import tree_sitter_json

REQUIRES = ("tree-sitter-json",)
OLD = not hasattr(tree_sitter, "QueryCursor")  # before 0.25
EXPECTED = ["document", ["1", "2"], True]


def use():
    language = tree_sitter.Language(tree_sitter_json.language())
    tree = tree_sitter.Parser(language).parse(b'{"a": [1, 2]')
    query = language.query("(number) @n") if OLD else tree_sitter.Query(language, "(number) @n")
    found = query if OLD else tree_sitter.QueryCursor(query)
    numbers = [node.text.decode() for node in found.captures(tree.root_node)["n"]]
    return [tree.root_node.type, numbers, tree.root_node.has_error]
