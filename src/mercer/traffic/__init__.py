"""Lets the simulated people of `simulate/` loose on a market, in process or over HTTP."""
