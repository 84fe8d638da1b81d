"""`bureau complaint`: complaints that people took to the operator, and the counts of all."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from bureau.admin.enum_names import COMPLAINT_KINDS, COMPLAINT_OUTCOMES, COMPLAINT_STATES
from bureau.admin.operator import Operator
from bureau.cli.common import Dir, Output, Shown, echo_status, group, operator_of, show, show_one
from bureau.cli.exit_codes import Exit, Stop
from bureau.cli.log import ProfileFolder
from bureau_keys.profile import Profile
from creditbureau.v1.complaint_pb2 import COMPLAINT_STATE_ESCALATED, Complaint, ComplaintReply

app = group("Complaints of people about deeds of members: decide those taken to the operator.")

COLUMNS = ("complaint_id", "member_id", "kind", "state", "decide_until_time", "narrative")


@app.command("list")
def list_complaints(
    every: Annotated[bool, typer.Option("--all", help="Show those that are decided, too.")] = False,
    folder: Dir = None,
    output: Shown = Output.TABLE,
) -> None:
    """List the complaints that wait for the operator's decision, oldest first."""
    with operator_of(folder) as operator:
        complaints = [
            described(complaint)
            for complaint, _ in operator.complaints()
            if every or complaint.state == COMPLAINT_STATE_ESCALATED
        ]
    show(complaints, output, COLUMNS)


@app.command()
def decide(
    complaint_id: Annotated[str, typer.Argument(help="Complaint id, from `complaint list`.")],
    outcome: Annotated[
        int,
        typer.Argument(
            parser=COMPLAINT_OUTCOMES.parser(),
            metavar="OUTCOME",
            help=f"One of {', '.join(COMPLAINT_OUTCOMES.all)}.",
        ),
    ],
    narrative: Annotated[str, typer.Option(help="Reasons, for both parties to read.")],
    folder: Dir = None,
    output: Shown = Output.TABLE,
) -> None:
    """Decide a complaint, with reasons; an inquiry that is upheld as wrong leaves all reports."""
    with operator_of(folder) as operator:
        for complaint, _ in operator.complaints():
            if complaint.complaint_id == complaint_id:
                decided = operator.decide(complaint, outcome, narrative)
                break
        else:
            fix = "List those that were: `bureau complaint list --all`."
            raise Stop(Exit.NOT_FOUND, f"{complaint_id} was not taken to the operator", fix)
    echo_status(f"complaint {complaint_id} is decided")
    show_one(described(decided), output)


@app.command()
def counts(folder: Dir = None, profile: ProfileFolder = None, output: Shown = Output.TABLE) -> None:
    """Count all complaints by member and kind; each is verified against the log."""
    with Operator(Profile.load(profile)) if profile else operator_of(folder) as operator:
        counted = operator.complaint_counts()
    show(
        [count._asdict() | {"kind": COMPLAINT_KINDS.word(count.kind)} for count in counted], output
    )


def described(complaint: Complaint) -> dict[str, Any]:
    """Return a complaint as people read it."""
    deed = complaint.deed
    return {
        "complaint_id": complaint.complaint_id,
        "subject_id": complaint.subject_id,
        "member_id": complaint.member_id,
        "kind": COMPLAINT_KINDS.word(complaint.kind),
        "deed_id": deed.id,
        "record_index": deed.record_index,
        "state": COMPLAINT_STATES.word(complaint.state),
        "create_time": _time(complaint, "create_time"),
        "due_time": _time(complaint, "due_time"),
        "narrative": complaint.narrative,
        "answer": _reply(complaint.answer),
        "escalate_time": _time(complaint, "escalate_time"),
        "escalation_narrative": complaint.escalation_narrative,
        "decide_until_time": _time(complaint, "decide_until_time"),
        "decision": _reply(complaint.decision),
    }


def _reply(reply: ComplaintReply) -> str:
    if not reply.outcome:
        return ""
    parts = (COMPLAINT_OUTCOMES.word(reply.outcome), reply.narrative, reply.remedy)
    return ": ".join(part for part in parts if part)


def _time(complaint: Complaint, name: str) -> str:
    is_set = complaint.HasField(name)  # type: ignore[arg-type]
    return getattr(complaint, name).ToJsonString() if is_set else ""
