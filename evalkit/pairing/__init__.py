"""Two sides of a comparison put side by side, case by case: cells, slices, and what goes with a change."""
