"""Metro 2: the format in which lenders report to credit bureaus.

`Reader` reads the records of a file, `validate` yields their findings, `records_of` turns
accounts into records to submit, `account_of` and `write` make a file.
"""

from bureau_client.files.metro2.blocks import Framing
from bureau_client.files.metro2.findings import Finding
from bureau_client.files.metro2.incoming import number_of, persons_of, records_of, without_number
from bureau_client.files.metro2.outgoing import Person, account_of
from bureau_client.files.metro2.reader import Metro2Record, Reader
from bureau_client.files.metro2.segments import Segment, blank
from bureau_client.files.metro2.source import Metro2Source
from bureau_client.files.metro2.validation import validate
from bureau_client.files.metro2.values import BadValue, Numbers
from bureau_client.files.metro2.writer import Reporter, header, repacked, write
from bureau_keys.contradictions import Severity

__all__ = [
    "BadValue",
    "Finding",
    "Framing",
    "Metro2Record",
    "Metro2Source",
    "Numbers",
    "Person",
    "Reader",
    "Reporter",
    "Segment",
    "Severity",
    "account_of",
    "blank",
    "header",
    "number_of",
    "persons_of",
    "records_of",
    "repacked",
    "validate",
    "without_number",
    "write",
]
