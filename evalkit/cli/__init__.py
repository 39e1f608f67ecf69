"""The command line: words to calls, calls to exit codes. One module a group of verbs."""
