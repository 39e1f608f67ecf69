"""How a report looks. One file a renderer."""
