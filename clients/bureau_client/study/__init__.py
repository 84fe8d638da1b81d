"""The value of sharing: one model from a lender's own data, and from the bureau's reports.

This package is the extra `study` of the SDK. `synthetic` and `real_accounts` make a population;
`furnishing` sends it through a bureau month by month, and queries a report for each application;
`comparison` holds the returned values against the furnished ones; `features` and `figures` train
the same model twice and measure the difference; `page` writes it as HTML.
"""
