from fast._core import answer
