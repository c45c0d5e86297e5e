"""How fast it is: markets of a known size, measured in a process of their own."""
