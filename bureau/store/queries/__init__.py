"""Every statement that the bureau runs, by name: a room for each noun, one list for all.

Rows come back as plain tuples in the order of the columns that each names.
`FOR UPDATE` and `FOR SHARE` are what makes the journeys hold when several nodes
write to one PostgreSQL; SQLite has one writer and leaves them out.
"""

from __future__ import annotations

from bureau.store.queries.consents import *
from bureau.store.queries.credit_file import *
from bureau.store.queries.inquiries import *
from bureau.store.queries.log import *
from bureau.store.queries.members import *
from bureau.store.queries.monitoring import *
from bureau.store.queries.records import *
from bureau.store.queries.rights import *
from bureau.store.queries.sharing import *
