"""Templates with inheritance, filters, escaping and a sandbox."""

import jinja2
from jinja2.sandbox import SandboxedEnvironment

EXPECTED = ["<ul><li>&lt;A&gt;</li><li>B</li></ul>", "line 2", "refused"]
TEMPLATES = {
    "base": "<ul>{% block items %}{% endblock %}</ul>",
    "list": "{% extends 'base' %}{% block items %}"
    "{% for x in xs %}<li>{{ x|upper }}</li>{% endfor %}{% endblock %}",
}


def use():
    environment = jinja2.Environment(loader=jinja2.DictLoader(TEMPLATES), autoescape=True)
    text = environment.get_template("list").render(xs=["<a>", "b"])
    try:
        environment.from_string("a\n{% if %}")
    except jinja2.TemplateSyntaxError as error:
        where = f"line {error.lineno}"
    try:
        SandboxedEnvironment().from_string("{{ ''.__class__.__mro__ }}").render()
        last = "accepted"
    except jinja2.exceptions.SecurityError:
        last = "refused"
    return [text, where, last]
