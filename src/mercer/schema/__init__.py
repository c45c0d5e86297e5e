"""What things are: listing, seller, money, errors. Imports nothing of ours."""
