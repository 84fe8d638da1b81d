"""Errors of the SDK in the words of the command lines: options and commands, no calls."""

from __future__ import annotations

import re
from dataclasses import replace

from bureau_client.errors import BureauError
from bureau_keys.command_line.messages import for_people
from bureau_keys.option_names import option_of, with_options

# The full stop that the SDK puts after a sentence, where this is Chinese.
CHINESE_END = re.compile(r"(?<=[\u4e00-\u9fff])\.(?: |$)")
# The SDK's words, and those that say the same to a person at a terminal.
REMEDIES = {
    ', or pass on_invalid="skip" to submit the rest': "",
    "Get it from subject_id(country, scheme, identifier)": "Get it from `bureau-lender subject-id`",
    "get it from subject_id()": "get it from `bureau-lender subject-id`",
    "pass the bytes of Wallet.binding()": "pass the file of `bureau-wallet binding`",
    "Pass a file that Report.save wrote": "Pass a file that the option --save wrote",
    "`receipt(error.request_id)` of an open client": "`receipt REQUEST_ID`",
    "ConsentMode.STORE": "--mode store",
    "`wait_for_witnesses(receipt)` does": "`bureau-lender receipt REQUEST_ID --cosigned N` does",
}


def explained(error: BureauError) -> str:
    """Return an error as one paragraph that names options of the command, not arguments."""
    for violation in error.violations:
        if error.message.startswith(f"{violation.field}: "):
            words = error.message.removeprefix(violation.field)
            error.message = option_of(violation.field) + words
    error.violations = tuple(
        replace(violation, field=option_of(violation.field)) for violation in error.violations
    )
    error.message, error.fix = for_people(error.message), for_people(error.fix)
    return with_options(CHINESE_END.sub("。", in_commands(str(error))))


def in_commands(message: str) -> str:
    """Return an error's message with remedies that a person at a terminal can follow."""
    for words, command in REMEDIES.items():
        message = message.replace(words, command)
    return message
