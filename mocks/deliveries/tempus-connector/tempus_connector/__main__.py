"""Command line of the connector."""

import sys

from tempus_connector.connector import main

sys.exit(main(sys.argv[1:]))
