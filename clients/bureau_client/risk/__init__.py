"""A lender's side of credit risk: data for models, training sets, and decisions by policy.

The bureau itself never decides. This package is the extra `risk` of the SDK; it rests on
`bureau_client.models` and libraries, `signed_policy` also on the keys, and on nothing else of the
SDK. `tables` converts reports to Arrow tables, `outcomes` and `training` make training sets of
them. `policy` is a lender's policy as data, `activation` checks it, `active_policy` decides by it
with its reasons, `notices` writes them to the person.
"""
