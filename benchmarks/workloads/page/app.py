"""A page from a template that is compiled at import."""

import jinja2

TEMPLATE = jinja2.Environment(autoescape=True).from_string(
    """<!doctype html>
<title>{{ title }}</title>
<h1>{{ title | upper }}</h1>
<ul>
{% for line in lines if line.count %}
  <li>{{ loop.index }}: {{ line.count }} × {{ line.sku }}, {{ "%.2f" | format(line.price) }}</li>
{% else %}
  <li>nothing</li>
{% endfor %}
</ul>
"""
)


def handler(event, context):
    return {
        "statusCode": 200,
        "headers": {"content-type": "text/html; charset=utf-8"},
        "body": TEMPLATE.render(event),
    }
