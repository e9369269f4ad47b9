"""XPath, XSLT, schema, HTML and errors with a line."""

from lxml import etree, html

SHEET = """<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="text"/>
<xsl:template match="/"><xsl:for-each select="//i"><xsl:value-of select="@n * 2"/>,</xsl:for-each>
</xsl:template></xsl:stylesheet>"""
RNG = """<element name="r" xmlns="http://relaxng.org/ns/structure/1.0"><oneOrMore><element name="i">
<attribute name="n"/></element></oneOrMore></element>"""
EXPECTED = {
    "xpath": ["1", "2"],
    "xslt": "2,4,",
    "valid": [True, False],
    "html": ["/a", "ü"],
    "error": 2,
    "c14n": '<r><i n="1"></i><i n="2"></i></r>',
}


def use():
    tree = etree.fromstring('<r><i n="1"/><i n="2"/></r>')
    transform = etree.XSLT(etree.fromstring(SHEET))
    schema = etree.RelaxNG(etree.fromstring(RNG))
    link = html.fromstring("<p>x<a href='/a'>&uuml;").find(".//a")
    try:
        etree.fromstring("<a>\n<b></a>")
    except etree.XMLSyntaxError as error:
        line = error.lineno
    return {
        "xpath": tree.xpath("//i/@n"),
        "xslt": str(transform(tree)).strip(),
        "valid": [schema.validate(tree), schema.validate(etree.fromstring("<r/>"))],
        "html": [link.get("href"), link.text],
        "error": line,
        "c14n": etree.tostring(tree, method="c14n").decode(),
    }
