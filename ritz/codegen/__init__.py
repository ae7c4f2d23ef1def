"""Floor 2: discretisations lower problems to graphs; schedules and targets turn graphs into kernels and Systems."""
