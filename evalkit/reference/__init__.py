"""Models that need no weights: the ceiling, the floor, the baseline to beat, and the harness's own test."""
