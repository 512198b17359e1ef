"""What people of the demo company write in the records of a complaint, in the customer's language.

`{subject}` and `{customer}` are the complaint's, `{finding}`, `{cause}`, `{first}` and `{second}` those of its remedy.
"""

from collections.abc import Mapping

Texts = Mapping[str, str]

_EN: Texts = {
    "details": "Confirmed with {customer}: the parts are set aside, photographs and lot number agree.",
    "emergency_taken": "Deliveries of the lot are stopped; replacement from another lot is being prepared.",
    "emergency_none": "The customer has enough good parts for this week; nothing has to be done at once.",
    "request": "Find the cause and answer within the time agreed. {subject}",
    "arrangement_told": "Told that QA has the case, who handles it, and when they hear from us again.",
    "measures_told": "Told what we do: {first}; {second}.",
    "result_told": "Told in writing what was found, what was done and how it was checked.",
    "interim": "Stock and goods in transit blocked, 100 % check of what is here; checked parts carry a green dot.",
    "conclusion": "{cause} The department draws up the plan.",
    "qa_reply": "{finding} {cause} A plan against it follows.",
    "qa_reply_not_ours": "The parts agree with drawing and agreement. The appraisal is enclosed.",
    "not_ours": "Retained and returned parts agree with drawing and agreement; the damage came about after delivery.",
    "basis": "Five retained and two returned parts, measured by two people; photographs of the cartons at dispatch.",
    "explanation": "The parts were in order when they left us. Most likely they were damaged when they were unpacked. "
    "We gladly look at it together on site and help to find new parts.",
    "again": "Looked at again after the first plan: {cause} The check that should have found it was missing, too.",
    "permanent": "{first}; {second}.",
    "too_thin": "The plan says what is done, but not how we will know that it helps. Please add the check.",
    "correction": "All parts of the lot checked, the bad ones replaced.",
    "like_case": "Looked for the same cause at the neighbouring machines and products; found nothing more.",
    "improvement": "{first}. Instruction and training record are updated.",
    "completion": "Both measures are carried out and shown to QA.",
    "completion_again": "What was open is done as well: the second shift is trained, the record is filed.",
    "check": "The second shift was not trained yet.",
    "not_done": "The second shift does not know the new instruction yet.",
    "evidence": "Three lots after the measure without a fault, 50 parts each; the record is filed.",
    "rejected": "The same fault has come again with the last delivery.",
}
_ZH: Texts = {
    "details": "已与{customer}核实：不良品已隔离，照片与批次号相符。",
    "emergency_taken": "已停发该批次，正从其他批次安排补货。",
    "emergency_none": "客户本周合格品够用，无需立即采取措施。",
    "request": "请查明原因并按期答复。{subject}",
    "arrangement_told": "已告知品管部受理、经办人以及下次答复的时间。",
    "measures_told": "已告知措施：{first}；{second}。",
    "result_told": "已书面告知调查结论、措施及验证情况。",
    "interim": "库存和在途产品已冻结并全检，合格品贴绿点标识。",
    "conclusion": "{cause}由责任部门制定计划。",
    "qa_reply": "{finding}{cause}纠正措施计划随后提供。",
    "qa_reply_not_ours": "产品符合图纸和协议要求，鉴定结果见附件。",
    "not_ours": "留样和退回件均符合图纸和协议要求，损伤发生在交付之后。",
    "basis": "留样五件、退回件两件，由两人测量；另有发货时外箱照片。",
    "explanation": "产品出厂时合格，很可能是拆箱时碰伤。我们愿意到现场共同确认，并协助补货。",
    "again": "首轮计划后重新分析：{cause}本应发现问题的检查也缺失。",
    "permanent": "{first}；{second}。",
    "too_thin": "计划写了做什么，没有写如何确认有效，请补充验证方法。",
    "correction": "该批次已全检，不良品已更换。",
    "like_case": "已排查相邻设备和同类产品，未发现同样问题。",
    "improvement": "{first}。作业指导书和培训记录已更新。",
    "completion": "两项措施均已完成，并经品管部查看。",
    "completion_again": "遗留项已完成：中班已培训，记录已归档。",
    "check": "中班尚未培训。",
    "not_done": "中班还不了解新的作业要求。",
    "evidence": "措施实施后连续三批、每批 50 件无不良，记录已归档。",
    "rejected": "最近一次到货又出现同样问题。",
}


def texts(locale: str) -> Texts:
    """Everything that is written, in a language."""
    return _ZH if locale.startswith("zh") else _EN
