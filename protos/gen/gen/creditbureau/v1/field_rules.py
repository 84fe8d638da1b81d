"""Generated from `protos/`; never edited."""

from collections.abc import Mapping
from typing import Any

# The rules of `buf.validate` by message, field and name of the rule.
FIELD_RULES: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "creditbureau.v1.RawCode": {
        "scheme": {"pattern": "^[a-z0-9_.]{1,64}$"},
        "value": {"pattern": "^[!-~]{1,32}$"},
    },
    "creditbureau.v1.SubmissionManifest": {
        "header": {"required": True},
        "kind": {"defined_only": True, "not_in": [0]},
        "records_root": {"len": 32},
        "record_count": {"lte": 10000, "gte": 1},
        "label": {"pattern": "^[ -~]{0,128}$"},
    },
    "creditbureau.v1.RecordBatch": {
    },
    "creditbureau.v1.ParsedRecordBatch": {
    },
    "creditbureau.v1.Record": {
        "body": {"required": True},
        "salt": {"len": 32},
        "account_ref": {"pattern": "^[!-~]{1,64}$"},
    },
    "creditbureau.v1.TradelineSnapshot": {
        "month": {"lte": 299912, "gte": 190001},
        "parties": {"min_items": 1, "max_items": 16},
        "portfolio_type": {"defined_only": True, "not_in": [0]},
        "account_type": {"pattern": "^[0-9A-Z]{2}$"},
        "currency": {"pattern": "^[A-Z]{3}$"},
        "open_date": {"lte": 29991231, "gte": 19000101},
        "credit_limit_minor": {"lte": 1000000000000000, "gte": 0},
        "original_amount_minor": {"lte": 1000000000000000, "gte": 0},
        "term_months": {"lte": 1200, "gte": 0},
        "interest_rate_ppm": {"lte": 100000000, "gte": 0},
        "status": {"defined_only": True, "not_in": [0]},
        "balance_minor": {"lte": 1000000000000000, "gte": -1000000000000000},
        "amount_due_minor": {"lte": 1000000000000000, "gte": 0},
        "amount_paid_minor": {"lte": 1000000000000000, "gte": 0},
        "amount_past_due_minor": {"lte": 1000000000000000, "gte": 0},
        "days_past_due": {"lte": 9999, "gte": 0},
        "payments_missed": {"lte": 999, "gte": 0},
        "close_date": {"lte": 29991231, "gte": 0},
        "close_reason": {"defined_only": True},
        "first_delinquency_date": {"lte": 29991231, "gte": 0},
        "last_payment_date": {"lte": 29991231, "gte": 0},
        "charge_off_amount_minor": {"lte": 1000000000000000, "gte": 0},
        "classification": {"defined_only": True},
        "compliance_condition": {"defined_only": True},
        "special_comment": {"pattern": "^[A-Z]{0,2}$"},
        "payment_rating": {"pattern": "^[0-6GL]?$"},
        "original_creditor": {"max_len": 64},
        "application_ref": {"pattern": "^[!-~]{0,64}$"},
        "raw_codes": {"max_items": 16},
    },
    "creditbureau.v1.Party": {
        "subject_id": {"pattern": "^[0-9a-f]{32}$"},
        "role": {"defined_only": True, "not_in": [0]},
        "start_date": {"lte": 29991231, "gte": 0},
    },
    "creditbureau.v1.FacilityAction": {
        "kind": {"defined_only": True, "not_in": [0]},
        "initiator": {"defined_only": True, "not_in": [0]},
        "reasons": {"min_items": 1, "max_items": 4, "unique": True, "items": "enum {   defined_only: true   not_in: 0 } "},
        "record_refs": {"max_items": 16},
        "effective_time": {"required": True},
        "review_by_date": {"lte": 29991231, "gte": 0},
        "appeal_route": {"max_len": 256},
        "credit_limit_minor": {"lte": 1000000000000000, "gte": 0},
        "new_account_ref": {"pattern": "^[!-~]{0,64}$"},
        "new_member_id": {"pattern": "^([a-z][a-z0-9-]{0,62})?$"},
    },
    "creditbureau.v1.Deletion": {
        "month": {"lte": 299912, "gte": 0},
        "reason": {"defined_only": True, "not_in": [0]},
    },
    "creditbureau.v1.RecordRef": {
        "submission_id": {"pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"},
        "record_index": {"lt": 10000, "gte": 0},
    },
}
