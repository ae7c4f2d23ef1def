"""Implicit time stepping of ``M du/dt = f(t, u)``: Runge-Kutta, two-step and second-order methods."""
