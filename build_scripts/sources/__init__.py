"""Reading and compiling Python sources. Standard library only: runs in the target's own Python."""
