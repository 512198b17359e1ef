"""Intake: mail in, from the bytes a server hands us to a complaint on the board.

A line of small steps: the mailbox gives bytes, the bytes are kept, then read (`parse`), understood (`classify`),
and only then routed and recorded. The steps from bytes to `Kind` are pure: no database, no network, no clock.
They may be handed anything at all, and answer with a `Mail` or with `Unreadable`.
"""
