"""Other tools' files. One file a format."""
