"""Floor 3: time steppers, events, solutions, their pictures and files."""
