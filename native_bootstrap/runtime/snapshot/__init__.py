"""Build-time initialisation, from inside: what runs in the program while its image is made, and
when a process begins from it."""
