"""What stands where something was masked: safe in JSON, XML, URLs and headers; the same for every value."""

import re

NUMBER = "[masked:personal-number]"
NAME = "[masked:personal]"
ADDRESS = "[masked:address]"
SECRET = "[masked:secret]"  # noqa: S105 -- the word that replaces one
KEY = "[masked:key]"
ENCODED = "[masked:encoded]"
MASK = re.compile(r"\[masked:[a-z-]+\]", re.IGNORECASE)
