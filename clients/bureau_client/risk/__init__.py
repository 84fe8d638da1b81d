"""A lender's side of credit risk: reports as data for models, and training sets.

The bureau itself never decides. This package is the extra `risk` of the SDK; it rests on
`bureau_client.models` and libraries, and on nothing else of the SDK. `tables` converts reports
to Arrow tables, `outcomes` and `training` make training sets of them.
"""
