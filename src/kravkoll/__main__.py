"""`python -m kravkoll`."""

from kravkoll.cli import main

main()
