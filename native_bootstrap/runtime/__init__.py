"""What ships to Lambda: the runtime loop and its parts, in pure Python.

Start-up cost is the product. A module here imports only what a plain hello-world invocation needs;
everything else is imported where it is used, and the line says so ("lazy:").
"""
