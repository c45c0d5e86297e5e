"""`python -m mercer`: the same as `mercer`, for where scripts are not on the path."""

from mercer.cli import main

if __name__ == "__main__":
    main()
