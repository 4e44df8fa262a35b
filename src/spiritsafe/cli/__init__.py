"""The command line: one file per command, each read only when its command is called."""
