"""The build side of native-bootstrap: runs on the developer's machine, never on Lambda."""
