"""What happened: the log of all changes and events, and what is read out of it."""
