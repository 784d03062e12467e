"""The command line: parses, calls one function of the layers below, shows the result."""
