"""The vocabulary of the synthetic catalogue: real words only, no code that draws or samples."""
