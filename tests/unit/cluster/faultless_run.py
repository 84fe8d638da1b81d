"""A run in which everything is looked at, and nothing is wrong."""

from __future__ import annotations

from dataclasses import replace

from bureau_client import Purpose
from bureau_keys.signing import SigningKey
from creditbureau.v1.reporting_pb2 import Inquiry
from tests.cluster.history import Outcome
from tests.unit.cluster.scenario import (
    DEBTOR,
    FREEZE,
    FROZEN,
    ISSUER,
    LENDERS,
    LONG_AGO,
    PERSON,
    RESTORE,
    SECOND,
    Scenario,
)


def true_run() -> Scenario:
    """A run in which everything is looked at, and nothing is wrong."""
    scenario = Scenario()
    scenario.attest(scenario.person)
    # 1. Records, consents, reports, refusals, an alert.
    furnishing = {
        member: scenario.grant(member, uses=0, action="FURNISH") for member in (*LENDERS, ISSUER)
    }
    for lender in LENDERS:
        scenario.submit(lender)
        scenario.grant(lender, uses=0, action="MONITOR")
    consent = scenario.grant(uses=2)
    first = scenario.query(consent)
    scenario.decide(first)
    scenario.query(consent)
    scenario.refused(
        "lender-1",
        "query",
        Inquiry(),
        "members/lender-1",
        "CONSENT_EXHAUSTED",
        consent=consent.request_id,
        subject=PERSON,
        purpose="CREDIT_APPLICATION",
        member="lender-1",
    )
    paused = scenario.grant("lender-2", uses=3)
    scenario.change("pause", paused)
    scenario.change("resume", paused)
    scenario.decide(scenario.query(paused, "lender-2"))
    # A consent that another one replaces.
    replaced = scenario.grant()
    scenario.query(replaced)
    scenario.query(scenario.grant(replaces=replaced))
    # Requests of lenders: granted, narrowed, declined, withdrawn.
    scenario.query(scenario.grant(request=scenario.ask()))
    scenario.grant(uses=1, request=scenario.ask())
    scenario.decline(scenario.ask("lender-2"))
    scenario.withdraw(scenario.ask())
    # A consent ends, and its reports are deleted; another one expires.
    ended = scenario.grant("lender-2", uses=3)
    scenario.query(ended, "lender-2")
    scenario.change("revoke", ended)
    scenario.confirm(ended, "lender-2")
    scenario.hear_change(consent.request_id, None, "EXPIRED", 1)
    # A wallet follows the notices.
    scenario.hear_notice()
    # A broken connection left an outcome unknown, and the same bytes settled it.
    late = scenario.submit("lender-2")
    index = scenario.operations.index(late)
    settled_ns = late.end_ns + SECOND // 2
    scenario.operations[index] = replace(late, settled_ns=settled_ns, reason="DEADLINE")
    # 2. The same bytes again, and other bytes under the same id; a report replayed.
    again = replace(first, kind="again", about={"how": "later"}, worker="lender-1")
    begin = scenario.now_ns
    scenario.operations.append(replace(again, begin_ns=begin, end_ns=begin + 1))
    scenario.note(
        "lender-1",
        "again",
        Outcome.FAILED,
        request_id=first.request_id,
        reason="IDEMPOTENCY_CONFLICT",
        about={"how": "other bytes"},
    )
    scenario.note("lender-1", "replay", about={"inquiry": first.request_id, "digest": "aa"})
    # Its reply was lost: it took effect, and its report was not seen.
    scenario.note("lender-1", "replay", about={"inquiry": first.request_id})
    # 3. A key that takes the place of the person's, signs, and is repudiated.
    earlier, taken = scenario.person, SigningKey.generate()
    scenario.take_over(taken)
    scenario.query(scenario.grant())
    scenario.repudiate(taken, earlier)
    # 4. The operator erases the person's accounts, and another report follows.
    scenario.erase()
    scenario.query(scenario.grant())
    # 5. The issuer's line agent acts on alerts; once a killed one had signed the decision before,
    # and once it could not decide.
    scenario.submit(ISSUER)
    review = scenario.grant(ISSUER, uses=0)
    for alert, kind in (("1-0", FREEZE), ("2-0", RESTORE), ("3-0", FREEZE)):
        scenario.review(review, alert, kind)
    decided = next(one for one in reversed(scenario.operations) if one.kind == "decide")
    scenario.signed_again(decided, Outcome.FAILED, "IDEMPOTENCY_CONFLICT")
    scenario.report(scenario.query(review, ISSUER, alert="4-0"), "failed")
    # 6. A lender repairs an account, without a consent for a while; and it deletes the account,
    # which returns certified.
    scenario.repair("open", balance_minor=100_00)
    scenario.change("revoke", furnishing["lender-1"])
    scenario.repair("better", balance_minor=90_00)
    scenario.repair("delete", deletes=True)
    scenario.grant(uses=0, action="FURNISH")
    scenario.repair("return", certified=True)
    scenario.repair("delete", deletes=True)
    scenario.renumber()
    # 7. Somebody freezes their file, and a lender reviews the account that it has of theirs.
    scenario.subject = FROZEN
    scenario.attest(scenario.frozen)
    scenario.grant(uses=0, action="FURNISH")
    scenario.repair("open")
    hold = scenario.freeze()
    scenario.query(scenario.grant(purpose=Purpose.ACCOUNT_REVIEW))
    scenario.lift(hold)
    # 8. Somebody says that a debt is not theirs, and the lender certifies it and sells it; the
    # buyer reports it. Another account is not reported any more.
    scenario.subject = DEBTOR
    scenario.attest(scenario.debtor)
    for lender in LENDERS:
        scenario.grant(lender, uses=0, action="FURNISH")
    scenario.furnish("debt", balance_minor=50_00, first_delinquency=20261005)
    scenario.furnish("silent", month=LONG_AGO)
    theft = scenario.theft("debt")
    scenario.query(scenario.grant())
    scenario.answer(theft, "debt")
    scenario.query(scenario.grant())
    scenario.sell("debt")
    scenario.furnish("bought", "lender-2", balance_minor=50_00, first_delinquency=20261005)
    scenario.query(scenario.grant())
    scenario.subject = PERSON
    # 9. The person complains about an inquiry, which others do not see from then on.
    complaint = scenario.complain(first)
    scenario.query(scenario.grant("lender-2"), "lender-2")
    scenario.answer_complaint(complaint)
    scenario.query(scenario.grant("lender-2"), "lender-2")
    # 10. A fault and its end, ten seconds, and peace; an attack, and a flood in peace.
    scenario.event("fault", "kill-node", 1)
    scenario.note("lender-1", "members", Outcome.FAILED, reason="UNREACHABLE")
    scenario.event("healed", "kill-node", 1)
    for _ in range(8):
        for lender in LENDERS:
            scenario.submit(lender)
        scenario.grant("lender-2", uses=1)
    scenario.note(
        "hostile",
        "attack",
        Outcome.FAILED,
        request_id="forged",
        reason="BAD_SIGNATURE",
        about={"what": "other key", "method": "Furnishing/SubmitRecords"},
    )
    scenario.note(
        "hostile",
        "junk",
        Outcome.FAILED,
        request_id="spoilt",
        reason="NON_CANONICAL",
        about={"what": "an unknown field in the envelope"},
    )
    # A node that lies, and is not believed.
    about = {"lie": "a balance altered", "error": "VerificationFailed"}
    scenario.note("wallet-1", "lie", Outcome.FAILED, reason="BAD_PROOF", about=about)
    begin = scenario.now_ns
    for _ in range(4):
        scenario.note("lender-1", "members")
    scenario.note("hostile", "flood", begin_ns=begin, end_ns=scenario.now_ns)
    return scenario
