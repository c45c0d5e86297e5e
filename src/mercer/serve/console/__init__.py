"""What engineers look at: traffic, events, pages."""
