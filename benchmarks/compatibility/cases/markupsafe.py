"""Escapes."""

import markupsafe
from markupsafe import Markup, escape

EXPECTED = ["&lt;b&gt; &amp; &#34;x&#34; &#39;", "<i>&lt;</i>", "_speedups"]


def use():
    engine = markupsafe._escape_inner.__module__.rpartition(".")[2]
    return [str(escape('<b> & "x" \'')), str(Markup("<i>%s</i>") % "<"), engine]
