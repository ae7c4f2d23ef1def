"""Floor 4: snapshots, sweeps, bases and reduced models. A reduced model is a `System` like any other."""
