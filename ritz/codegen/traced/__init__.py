"""NumPy programs as systems: arrays over point axes, loops with shifted reads."""
