"""Words of promise: what nobody may say to a customer before it is decided what is done.

A short list in both languages. It warns and never forbids: whoever writes knows better than a list. A paper for the
customer that was made before the decision is a draft and says so.
"""

import re
from datetime import datetime

from complaints.case import Case

_ENGLISH = (
    r"compensat\w*", r"refund\w*", r"reimburs\w*", r"indemnif\w*", r"guarante\w*", r"credit notes?",
    r"we(?: will|'ll|’ll| shall) (?:pay|replace|credit|bear|cover)", r"(?:we|i) promise", r"free of charge",
    r"replac\w* (?:\w+ ){0,4}free", r"at our (?:cost|expense)",
)  # fmt: skip
_CHINESE = (
    "赔偿", "赔付", "理赔", "索赔款", "退款", "退货款", "补偿", "保证", "承诺", "担保", "免费更换", "免费换货",
    "免费补货", "折让", "我方承担",
)  # fmt: skip
_PROMISE = re.compile(rf"\b(?:{'|'.join(_ENGLISH)})\b|{'|'.join(_CHINESE)}", re.IGNORECASE)


def decided(case: Case, at: datetime | None = None) -> bool:
    """Is it decided what is done, and was it then (`at`), as far as the procedure says when that is?"""
    contact = case.rules.contact
    if contact is None or not contact.promises_after:
        return True
    signature = case.signatures.get(contact.promises_after)
    return signature is not None and (at is None or signature.at <= at)


def promised(text: str) -> list[str]:
    """The words of a text that promise something, each once, as they stand there."""
    text = " ".join(text.split())
    found: dict[str, str] = {}
    for each in _PROMISE.finditer(text):
        found.setdefault(each[0].lower(), each[0])
    return list(found.values())
