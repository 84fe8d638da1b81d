"""The table of the pages for staff, each with its rule."""

from __future__ import annotations

from bureau_portal.app import PUBLIC_PAGES, Page
from bureau_portal.staff import access, calls, deadlines, growth, members, story

PAGES = (
    Page("/staff", access.front, is_open=True),
    Page("/staff/enter", access.enter, method="POST", is_open=True),
    Page("/staff/leave", access.leave, method="POST", for_staff=True),
    Page("/staff/calls", calls.page, for_staff=True),
    Page("/staff/calls.json", calls.rows, for_staff=True, is_fetched=True),
    Page("/staff/story", story.page, for_staff=True),
    Page("/staff/deadlines", deadlines.page, for_staff=True),
    Page("/staff/log", growth.page, for_staff=True),
    Page("/staff/members", members.page, for_staff=True),
)
# A portal for staff alone.
STAFF_ONLY = (Page("/", access.home, is_open=True), *PUBLIC_PAGES, *PAGES)
