"""The magic subjects, made by calls of the contract: keys, consents, records, further steps.

Every effect is a statement that a lender or a person signs, and a leaf of the log.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from bureau.sandbox.accounts import SandboxAccount
from bureau.sandbox.folder import SandboxFolder
from bureau.sandbox.magic import AccountPlan, MagicSubject, applicable_subjects
from bureau.sandbox.months import Months
from bureau.sandbox.world import LENDERS, Person, World
from bureau_client.models.codes import (
    ActionReason,
    DisputeOutcome,
    DisputeReason,
    FacilityActionKind,
    HoldKind,
    Initiator,
    PartyRole,
    Purpose,
)
from bureau_client.models.records import FacilityAction, Party
from bureau_client.wallet_folder import WalletFolder
from bureau_keys.secret_files import write_private
from bureau_keys.signing import SigningKey

# The subject of the first call, which is there before the others.
FIRST = "clean"
# Applications of `apply-everywhere` at each lender.
APPLICATIONS = 2
REVIEW = timedelta(days=30)
# Further accounts: the ones that a step brought back under another number.
Step = Callable[[World, Person, SandboxAccount], Iterable[SandboxAccount]]


def seed(folder: SandboxFolder, world: World, on_first: Callable[[Person], None]) -> Months:
    """Make all magic subjects.

    Args:
        on_first: Called with the subject FIRST as soon as it is whole.

    Returns:
        The accounts, of which the file is written.
    """
    subjects = applicable_subjects(world.jurisdiction.country)
    # 1. The subject of the first call, whole.
    people = _enrol(folder, world, [subjects[FIRST]])
    _furnish(world, [subjects[FIRST]], people)
    on_first(people[FIRST])
    # 2. The keys and consents of all others.
    others = [subject for subject in subjects.values() if subject.name != FIRST]
    people |= _enrol(folder, world, others)
    # 3. Their accounts: one submission for each lender.
    accounts = _furnish(world, others, people)
    # 4. Their further steps.
    for subject in others:
        for step in subject.steps:
            world.accounts += STEPS[step](world, people[subject.name], accounts[subject.name])
    # 5. From here on the months go on by themselves.
    months = Months(world.last_month(), list(world.accounts))
    world.accounts.clear()
    months.save(folder.months_file)
    return months


def _enrol(
    folder: SandboxFolder, world: World, subjects: Iterable[MagicSubject]
) -> dict[str, Person]:
    """Enrol subjects, and write the wallet folder of each."""
    chosen = list(subjects)
    ids = world.subject_ids([(each.country, each.scheme, each.identifier) for each in chosen])
    people: dict[str, Person] = {}
    for subject, subject_id in zip(chosen, ids, strict=True):
        wallet = WalletFolder.create(folder.wallet_folder(subject.name), subject_id)
        key = SigningKey.from_pem((wallet.path / "key.pem").read_bytes())
        people[subject.name] = world.enrol(subject.name, subject_id, key)
    known = folder.subject_ids() | {name: person.subject_id for name, person in people.items()}
    write_private(folder.subjects_file, json.dumps(known, indent=1).encode() + b"\n")
    return people


def _furnish(
    world: World, subjects: Iterable[MagicSubject], people: Mapping[str, Person]
) -> dict[str, SandboxAccount]:
    """Submit the accounts of subjects; return the first account of each."""
    first: dict[str, SandboxAccount] = {}
    accounts: list[SandboxAccount] = []
    for subject in subjects:
        for number, plan in enumerate(subject.accounts, 1):
            account = _account(world, plan, f"{subject.name}-{number}", people, subject.name)
            first.setdefault(subject.name, account)
            accounts.append(account)
    world.furnish(accounts)
    return first


def _account(
    world: World, plan: AccountPlan, ref: str, people: Mapping[str, Person], name: str
) -> SandboxAccount:
    parties = [Party(people[name].subject_id, plan.role)]
    if plan.partner:
        holder = PartyRole.JOINT if plan.role is PartyRole.JOINT else PartyRole.INDIVIDUAL
        parties.append(Party(people[plan.partner].subject_id, holder))
    newest = world.last_month() - max(plan.ended - 1, 0)
    return SandboxAccount(
        lender=plan.lender,
        ref=ref,
        kind=plan.kind,
        parties=tuple(parties),
        first=newest - (plan.months - 1),
        newest=newest,
        use=plan.use,
        limit=plan.limit,
        missed=plan.missed,
        ends=plan.ended > 0,
        bankruptcy=plan.bankruptcy,
        currency=world.jurisdiction.currency,
    )


def _apply_everywhere(world: World, person: Person, _: SandboxAccount) -> Iterable[SandboxAccount]:
    """Let each lender query the person's report for an application, twice."""
    for lender in LENDERS:
        consent_id = person.consent(lender, max_uses=APPLICATIONS)
        for _application in range(APPLICATIONS):
            world.lender(lender).query(
                person.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent_id
            )
    return ()


def _freeze_line(world: World, _: Person, account: SandboxAccount) -> Iterable[SandboxAccount]:
    """Let the lender freeze the person's line, with reasons."""
    now = world.now()
    freeze = FacilityAction(
        account_ref=account.ref,
        kind=FacilityActionKind.FREEZE,
        initiator=Initiator.LENDER,
        reasons=(ActionReason.OVER_INDEBTEDNESS, ActionReason.INQUIRIES),
        effective_time=now - timedelta(seconds=1),
        review_by_date=(now + REVIEW).date(),
        appeal_route=f"objections@{account.lender}.example",
    )
    world.lender(account.lender).submit([freeze])
    return ()


def _freeze_file(_: World, person: Person, __: SandboxAccount) -> Iterable[SandboxAccount]:
    """Let the person freeze their file."""
    person.wallet.place_hold(HoldKind.SECURITY_FREEZE)
    return ()


def _alert_fraud(_: World, person: Person, __: SandboxAccount) -> Iterable[SandboxAccount]:
    """Let the person place a fraud alert."""
    person.wallet.place_hold(HoldKind.FRAUD_ALERT)
    return ()


def _dispute_balance(world: World, person: Person, _: SandboxAccount) -> Iterable[SandboxAccount]:
    """Let the person dispute the balance of their account."""
    person.wallet.dispute(
        _tradeline_of(person),
        field="balance_minor",
        reason=DisputeReason.WRONG_AMOUNT,
        narrative=world.jurisdiction.says["payment_missing"],
    )
    return ()


def _delete_and_reinsert(
    world: World, person: Person, account: SandboxAccount
) -> Iterable[SandboxAccount]:
    """Let the lender delete the account after a dispute, and bring it back certified."""
    dispute = person.wallet.dispute(
        _tradeline_of(person),
        field="balance_minor",
        reason=DisputeReason.NOT_MINE,
        narrative=world.jurisdiction.says["not_mine"],
    )
    lender = world.lender(account.lender)
    reason = world.jurisdiction.says["no_contract"]
    lender.answer_dispute(dispute.dispute_id, DisputeOutcome.DELETED, narrative=reason)
    again = replace(account, ref=f"{account.ref}-again", ends=False, certified=True)
    lender.submit(again.history())
    return [again]


def _block_theft(world: World, person: Person, account: SandboxAccount) -> Iterable[SandboxAccount]:
    """Let the person dispute an account that they did not open, with two documents; where the law
    has a block, this blocks it.
    """
    person.wallet.dispute(
        _tradeline_of(person, account.lender),
        field="parties",
        reason=DisputeReason.IDENTITY_THEFT,
        narrative=world.jurisdiction.says["not_opened"],
        attachment_digests=[
            hashlib.sha256(document).digest()
            for document in (b"identity theft report", b"proof of identity")
        ],
    )
    return ()


def _tradeline_of(person: Person, lender: str = "") -> str:
    """Return the id of the person's tradeline, of a lender if named."""
    lines = person.wallet.file().tradelines
    return next(line.tradeline_id for line in lines if not lender or line.member_id == lender)


STEPS: Mapping[str, Step] = {
    "apply-everywhere": _apply_everywhere,
    "freeze-line": _freeze_line,
    "freeze-file": _freeze_file,
    "alert-fraud": _alert_fraud,
    "dispute-balance": _dispute_balance,
    "delete-and-reinsert": _delete_and_reinsert,
    "block-theft": _block_theft,
}
