"""zlib from its own file list: its configure only finds out what every Linux has."""

from __future__ import annotations

from build_scripts.pack.recipes import Site

SOURCES = ("zlib",)
NEEDS: tuple[str, ...] = ()
FILES = (
    *("adler32", "compress", "crc32", "deflate", "gzclose", "gzlib", "gzread", "gzwrite"),
    *("infback", "inffast", "inflate", "inftrees", "trees", "uncompr", "zutil"),
)
FLAGS = ("-O3", "-DHAVE_UNISTD_H", "-DHAVE_STDARG_H", "-DHAVE_HIDDEN", "-D_LARGEFILE64_SOURCE=1")


def build(site: Site) -> None:
    tree = site.unpack("zlib")
    # zconf.h asks for HAVE_UNISTD_H; upstream's configure settles that in the header itself.
    header = tree / "zconf.h"
    text = header.read_text().replace("#ifdef HAVE_UNISTD_H", "#if 1")
    header.write_text(text.replace("#ifdef HAVE_STDARG_H", "#if 1"))
    site.library("libz", [tree / f"{name}.c" for name in FILES], include=[tree], flags=FLAGS)
    site.install_headers(tree / "zlib.h", header)
