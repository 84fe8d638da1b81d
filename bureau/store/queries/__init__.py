"""Every query and change that the bureau runs, by name: a module for each noun, one list.

Rows come back as tuples in the order of the columns that each query names. A row with several
columns of one type is a NamedTuple, so that its readers cannot mistake one for another.
`FOR UPDATE` and `FOR SHARE` are needed when several nodes write to
one PostgreSQL; SQLite has one writer and leaves them out.
"""

from __future__ import annotations

from bureau.store.queries.complaints import *
from bureau.store.queries.consent_ends import *
from bureau.store.queries.consent_events import *
from bureau.store.queries.consent_requests import *
from bureau.store.queries.consents import *
from bureau.store.queries.contributions import *
from bureau.store.queries.credit_file import *
from bureau.store.queries.decisions import *
from bureau.store.queries.due_notices import *
from bureau.store.queries.erasures import *
from bureau.store.queries.event_links import *
from bureau.store.queries.inquiries import *
from bureau.store.queries.log import *
from bureau.store.queries.members import *
from bureau.store.queries.monitoring import *
from bureau.store.queries.notice_choices import *
from bureau.store.queries.notices import *
from bureau.store.queries.operations import *
from bureau.store.queries.own_entries import *
from bureau.store.queries.people import *
from bureau.store.queries.quotas import *
from bureau.store.queries.records import *
from bureau.store.queries.relayed_notices import *
from bureau.store.queries.rights import *
from bureau.store.queries.standards import *
from bureau.store.queries.told_events import *
