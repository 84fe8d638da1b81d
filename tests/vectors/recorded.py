"""One blinded evaluation as it was: its proof is random, so it cannot be made again.

The blinds are fixed; with them anybody can check every step (RFC 9497 section 3.3.2).
"""

from __future__ import annotations

SEED = bytes(32)
INPUTS = ("US|SSN|000123456", "CN|RESIDENT|11010519491231002X", "DE|STEUERID|ÄÖ1")
BLINDS = (
    "4a6856c5c80f504e3df901f5c05c008afda8ff34fee728e1db514216fae53001",
    "19f5df7c39ba2f2e6bfc60484f9aba9931c1f5c163a064cd95db3ddbc7e24b09",
    "543ca35035ef02944683bf0f065e1861adea8660ef5fbb60b32a86889b3e3e0f",
)
ELEMENTS = (
    "b22747884fcd03f47e7bd189a2d1c591593c4025872d89d29f627fe1901cc017",
    "d69f9f8e4d2bc03e3c69fd2592386d1ac2c8b6725ee285e9955136cee0296272",
    "d6d6c039aa3deb79c64f5ae006fdc34a53e045bfe9610fc94ed7d3ac19adfa19",
)
EVALUATED = (
    # The proof: c, s.
    "5f93bf7707ba055fde31a1831be22ee5176c1d2e5ed5292611d4670875d8cd0f"
    "8da3621b1b8fda6e0a253e9b2557dd7243d265faca40270594c88a01497b3b00"
    # The elements, in the order of the request.
    "ce8cb8184f0e98ea4c605b827a71d34c8a9efc1ff58ea81bb5883fdbd31fa72d"
    "cc02b47ae4e33db551c1c5488d852059f414e25d7bdbc4f04301a31d13929808"
    "dacdcd60cc58801aa5cff0d534859bbd3f066a613145d52fd12dbe606f332d43"
)
