"""The processes of one market, and how they talk."""
