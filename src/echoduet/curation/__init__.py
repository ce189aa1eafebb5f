"""Find duplicates and conflicts, decide, and say why."""
