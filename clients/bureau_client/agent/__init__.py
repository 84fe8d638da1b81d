"""The line agent: it reviews a lender's existing lines on each alert.

`line_agent` has the steps from an alert to the decision, the facility action and the
acknowledgement; `state` keeps them on disk, so that a crash repeats none; `plans` decides under a
policy, `actions` derives the facility action of a decision. The package needs the extra `risk`.
"""
