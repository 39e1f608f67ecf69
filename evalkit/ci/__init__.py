"""A model list at two revisions, and what a CI runner is told."""
