"""The demo: a company with its staff and customers, and as many believable complaints as one asks for.

`company.company` founds it, `fill.fill` adds complaints, `consistency.faults` says what does not agree in a ledger.
"""
