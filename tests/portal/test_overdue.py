"""The portal says which deadline passed, leads to what waits, and takes the complaint about it."""

from __future__ import annotations

import html

from bureau_client import ComplaintKind, DisputeReason, Month, NoticeKind
from tests.portal.serving import served
from tests.portal.visitor import Visitor
from tests.service.heard import heard
from tests.service.scenario import DAY, account, open_scenario

MAY, JUNE = Month(2026, 5), Month(2026, 6)


def test_deadlines_that_passed_lead_to_what_can_be_done() -> None:
    with open_scenario("acme") as scenario:
        person = scenario.person()
        scenario.submit("acme", account(person, "card", MAY))
        scenario.submit("acme", account(person, "card", JUNE, credit_limit_minor=500_00))
        report = scenario.report(person, "acme")
        (line,) = person.file().tradelines
        reason = DisputeReason.WRONG_AMOUNT
        dispute = person.dispute(line.tradeline_id, field="balance_minor", reason=reason)
        kind = ComplaintKind.INQUIRY_NOT_ASKED_FOR
        complaint = person.complain("acme", kind, report.request_id)
        scenario.later(61 * DAY)
        (lowered,) = heard(person, NoticeKind.LIMIT_LOWERED)
        with served(scenario) as portal:
            visitor, key = Visitor(portal.origin), scenario.keys[person.subject_id]
            visitor.sign_in(person.subject_id, key)
            page = visitor.get("/notices", key).text
            assert page.count("The deadline was ") == 2
            assert f'href="/disputes#dispute-{dispute.dispute_id}"' in page
            assert f'href="/complaints#complaint-{complaint.complaint_id}"' in page
            assert html.escape(lowered.texts["en"]) in page
            assert f'href="/file#line-{line.tradeline_id}"' in page
            # A complaint about the missing answer, and the way to the operator.
            form = f"/complaints/open/dispute/{dispute.dispute_id}"
            disputes = visitor.get("/disputes", key).text
            assert f'href="{form}">There is no answer: complain' in disputes
            assert "no answer by " in visitor.get(form, key).text
            address = f'action="/complaints/{complaint.complaint_id}/escalate"'
            assert address in visitor.get("/complaints", key).text
            assert "期限为" in visitor.get("/notices", key, Accept_Language="zh").text
