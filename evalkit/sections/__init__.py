"""What a report says. One file a section."""
