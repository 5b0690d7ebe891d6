"""`python -m imgforensics`: hands over to the command line."""

from imgforensics_cli.app import main

if __name__ == "__main__":
    main()
