"""An application through its test client, with a session and a template."""

import flask

EXPECTED = ["<p>&lt;ada&gt;</p>", {"count": 2}, 404]
app = flask.Flask(__name__)
app.secret_key = "for the test"


@app.get("/hello/<name>")
def hello(name):
    return flask.render_template_string("<p>{{ name }}</p>", name=name)


@app.post("/count")
def count():
    flask.session["count"] = flask.session.get("count", 0) + 1
    return flask.jsonify(count=flask.session["count"])


def use():
    client = app.test_client()
    client.post("/count")
    counted = client.post("/count").get_json()
    said = client.get("/hello/%3Cada%3E").get_data(as_text=True)
    return [said, counted, client.get("/none").status_code]
