"""A template with a function, a filter and an error with a line."""

from mako.exceptions import SyntaxException
from mako.lookup import TemplateLookup
from mako.template import Template

EXPECTED = ["<b>&lt;a&gt;</b>1,2,", "line 2", "[body]"]


def use():
    text = """<%def name="bold(x)"><b>${x | h}</b></%def>\\
${bold(who)}\\
% for n in (1, 2):
${n},\\
% endfor
"""
    lookup = TemplateLookup()
    lookup.put_string("base", "[${self.body()}]")
    lookup.put_string("page", '<%inherit file="base"/>body')
    try:
        Template("a\n${(}")
    except SyntaxException as error:
        where = f"line {error.lineno}"
    return [Template(text).render(who="<a>"), where, lookup.get_template("page").render()]
