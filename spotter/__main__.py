"""`python -m spotter` is the `spotter` command."""

from spotter.cli.main import main

main()
