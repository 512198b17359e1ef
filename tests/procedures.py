"""Procedures of tests: a small one with one of everything, to be broken, and one with the clocks of other trades."""

SMALL = """\
key = "small"
version = 1
name = { en = "Small", zh = "小" }
departments = "finding.departments"
investigator = "finding.who"
class_raised_by = ["qe"]
class_lowered_by = ["gm"]
report = { en = "Report", zh = "报告" }

[classes]
light = { en = "Light", zh = "轻" }
serious = { en = "Serious", zh = "重" }

[contact]
sheet = "talks"
kind = "about"
on = "day"
way = "by"
way_mail = "mail"
person = "who"
text = "words"
promises_after = "agreed"
replies_after = "agreed"

[privacy]
confidential = true
seen_by = ["counsel"]

[roles]
counsel = { en = "Counsel", zh = "顾问" }

[entry]
names = { address = { en = "Room", zh = "房间" } }
leaves_out = ["material_no"]

[retention]
years_after_closing = 3

[[stage]]
key = "draft"
name = { en = "Draft", zh = "待登记" }
owner_roles = ["clerk"]

[[stage]]
key = "registered"
name = { en = "Registered", zh = "已登记" }
register = true
owner = "registered_by"
needs = [
  { fields = ["customer", "content"] },
  { field = "product", when = { cause_type = "quality" }, unless = "details_asked" },
]

[[stage]]
key = "handling"
name = { en = "Handling", zh = "处理" }
owner = "finding.who"
needs = [{ sheet = "finding" }, { notified = true }]

[[stage]]
key = "closed"
name = { en = "Closed", zh = "已结案" }
final = true
shown_for_days = 30
needs = [
  { signature = "agreed" },
  { rows = "tasks", where = { kind = "fix" }, filled = ["done"] },
  { none = "tasks", where = { done = "" }, say = { en = "A task is open", zh = "有任务未完成" } },
  { any = [{ value = "finding.ours", is = "yes" }, { field = "finding.text" }] },
  { finished = "visit" },
]

[[outcome]]
key = "withdrawn"
name = { en = "Withdrawn", zh = "撤诉" }
from = ["draft", "registered"]
by = ["clerk"]

[[move]]
from = "draft"
to = "registered"
by = ["clerk"]

[[move]]
from = "registered"
to = "handling"
by = ["qe"]
when = { complaint_class = ["light", "serious"] }

[[move]]
from = "handling"
to = "closed"
by = ["clerk"]

[[move]]
key = "again"
from = "handling"
to = "registered"
by = ["qe"]
back = true
new_round = true
writes = { "finding.ours" = "no" }
voids = ["*"]
[[move.ask]]
key = "reason"
name = { en = "Why", zh = "原因" }
to = "finding.text"

[[sheet]]
key = "finding"
name = { en = "Finding", zh = "结论" }
help = { en = "What was found", zh = "查明的情况" }
of = "investigation"
by = ["qe"]
stages = ["registered", "handling"]
per_round = true
carried = true
numbered = "F"
locked_by = "agreed"
internal = false
[sheet.view]
as = "pairs"
left = { en = "Is", zh = "是" }
right = { en = "Is not", zh = "不是" }
[[sheet.view.pair]]
name = { en = "What", zh = "什么" }
left = "ours"
right = "text"
[[sheet.field]]
key = "ours"
name = { en = "Ours?", zh = "我方" }
type = "yes_no"
required = true
proposes_class = "serious"
[[sheet.field]]
key = "text"
name = { en = "Text", zh = "内容" }
type = "text"
limit = 500
after = ["ours"]
when = { "finding.ours" = "yes" }
[[sheet.field]]
key = "who"
name = { en = "Who", zh = "负责人" }
type = "person"
roles = ["qe"]
[[sheet.field]]
key = "departments"
name = { en = "Departments", zh = "部门" }
type = "departments"
least = 2
by = ["qe"]
stages = ["registered"]

[[sheet]]
key = "tasks"
name = { en = "Tasks", zh = "任务" }
by = ["qe"]
many = true
[[sheet.field]]
key = "kind"
name = { en = "Kind", zh = "类型" }
type = "choice"
choices = { fix = { en = "Fix", zh = "修" }, check = { en = "Check", zh = "查" } }
[[sheet.field]]
key = "all"
name = { en = "All", zh = "总数" }
type = "count"
[[sheet.field]]
key = "bad"
name = { en = "Bad", zh = "不良" }
type = "count"
most = "all"
internal = true
[[sheet.field]]
key = "owner"
name = { en = "Owner", zh = "负责人" }
type = "person"
part = "owner"
[[sheet.field]]
key = "done"
name = { en = "Done", zh = "完成" }
type = "date"
part = "done"
past = true

[[sheet]]
key = "goods"
name = { en = "Goods", zh = "货物" }
by = ["finding.who", "qe"]
[[sheet.sum]]
of = ["fine", "faulty"]
is = "returned"
[[sheet.sum]]
of = ["returned"]
at_most = "sold"
[[sheet.field]]
key = "sold"
name = { en = "Sold", zh = "已售" }
type = "count"
[[sheet.field]]
key = "returned"
name = { en = "Back", zh = "退回" }
type = "count"
[[sheet.field]]
key = "fine"
name = { en = "Fine", zh = "良品" }
type = "count"
[[sheet.field]]
key = "faulty"
name = { en = "Faulty", zh = "不良品" }
type = "count"

[[sheet]]
key = "talks"
name = { en = "Talks", zh = "沟通" }
by = ["clerk"]
many = true
[[sheet.field]]
key = "about"
name = { en = "About", zh = "事由" }
type = "choice"
required = true
choices = { told = { en = "Told", zh = "已告知" } }
[[sheet.field]]
key = "by"
name = { en = "By", zh = "方式" }
type = "choice"
choices = { mail = { en = "Mail", zh = "邮件" }, phone = { en = "Phone", zh = "电话" } }
[[sheet.field]]
key = "day"
name = { en = "Day", zh = "日期" }
type = "date"
[[sheet.field]]
key = "who"
name = { en = "With whom", zh = "对象" }
[[sheet.field]]
key = "words"
name = { en = "Words", zh = "内容" }
type = "text"

[[label]]
key = "old"
name = { en = "Old goods", zh = "旧货" }
when = { ship_date = "< complaint_date" }
warns = true

[[open]]
key = "visit"
name = { en = "Open a visit", zh = "发起走访" }
procedure = "postal"
by = ["clerk"]
on = ["filled:finding.text"]
stages = ["handling"]
when = { "finding.ours" = "yes" }

[[part]]
key = "found"
mark = "1"
name = { en = "What was found", zh = "查明情况" }
shows = ["customer", "closed_at"]
fields = ["finding.text"]
sheets = ["tasks"]
signatures = ["agreed"]

[[print]]
key = "form"
name = { en = "Form", zh = "单" }
number = "Q-1"
version = "A/0"
editions = ["internal", "customer"]
formats = ["pdf", "docx"]
[[print.section]]
name = { en = "Found", zh = "查明" }
fields = ["number", "customer", "finding.text"]
rounds = true
[[print.section]]
name = { en = "Tasks", zh = "任务" }
rows = "tasks"
columns = ["kind", "owner"]
writer = { en = "Written by", zh = "填写人" }
internal = true
[[print.section]]
name = { en = "Signed", zh = "签字" }
signatures = ["agreed"]
[[print.section]]
parts = ["found"]

[[signature]]
key = "seen"
name = { en = "Seen", zh = "已阅" }
by = ["qe"]
stages = ["registered", "handling"]

[[signature]]
key = "agreed"
name = { en = "Agreed", zh = "同意" }
act = { en = "Agree", zh = "同意" }
of = "investigation"
by = ["dept_head"]
by_class = { serious = ["gm"] }
each = "finding.departments"
stages = ["handling"]
covers = ["finding", "content"]
after = ["seen"]
not_by = ["finding", "seen"]
not_department = false
per_round = true
needs = [{ sheet = "finding" }]
returns = true
return_by = "again"
return_voids = ["seen"]

[[notice]]
on = ["entered:handling", "written:tasks"]
to = ["gm", "owner", "tasks.owner"]
name = { en = "Look", zh = "请看" }
shows = ["finding.ours"]
when = [{ complaint_class = "serious" }, { "finding.ours" = "yes" }]

[[clock]]
key = "answer"
name = { en = "Answer", zh = "答复" }
starts = "entered:registered"
stops = ["signed:agreed"]
within = "3 working days"
responsible = "qe"
when = { complaint_class = "serious" }
penalty = { key = "p_answer", yuan = 20 }

[[penalty]]
key = "p_files"
name = { en = "No records kept", zh = "未保存记录" }
on = "records"
roles = ["qe"]
superior = "qa_mgr"
yuan = 15

[[ladder]]
superiors = 1
roles = ["gm"]
every = 2
when = { complaint_class = "serious" }
"""


SERVICE = """\
key = "service"
version = 1
name = { en = "Service", zh = "服务" }
[classes]
general = { en = "General", zh = "一般" }
special = { en = "Special", zh = "特殊" }
[[stage]]
key = "draft"
name = { en = "Draft", zh = "待登记" }
[[stage]]
key = "registered"
name = { en = "Registered", zh = "已登记" }
register = true
[[stage]]
key = "handling"
name = { en = "Handling", zh = "处理" }
needs = [{ field = "service.set_for", when = { complaint_class = "special" } }]
[[stage]]
key = "closed"
name = { en = "Closed", zh = "已结案" }
final = true
[[move]]
from = "draft"
to = "registered"
by = ["clerk"]
[[move]]
from = "registered"
to = "handling"
by = ["clerk"]
[[move]]
from = "handling"
to = "closed"
by = ["clerk"]
[[sheet]]
key = "service"
name = { en = "Service", zh = "服务" }
by = ["clerk"]
[[sheet.field]]
key = "visit"
name = { en = "Visit needed", zh = "需要到现场" }
type = "yes_no"
[[sheet.field]]
key = "arrived"
name = { en = "Arrived", zh = "到达" }
type = "time"
[[sheet.field]]
key = "wanted"
name = { en = "Customer's day", zh = "客户要求日期" }
type = "date"
[[sheet.field]]
key = "set_for"
name = { en = "Set for", zh = "规定时间" }
type = "time"
[[sheet.field]]
key = "answer"
name = { en = "Answer", zh = "答复" }
[[sheet.field]]
key = "handled"
name = { en = "Handled", zh = "处理" }
[[sheet.field]]
key = "facts"
name = { en = "Facts confirmed", zh = "事实确认" }
[[sheet.field]]
key = "reported"
name = { en = "Reported", zh = "上报" }
[[sheet]]
key = "quality"
name = { en = "Received by quality", zh = "品管接收" }
by = ["clerk"]
[[sheet.field]]
key = "by"
name = { en = "By", zh = "接收人" }
required = true
[[sheet.field]]
key = "lead"
name = { en = "Lead department", zh = "主责部门" }
[[clock]]
key = "site"
name = { en = "Reach the site", zh = "到达现场" }
when = { "service.visit" = "yes" }
starts = "received"
stops = ["filled:service.arrived"]
within = "48 hours"
responsible = "sales"
[[clock]]
key = "finish"
name = { en = "Finish", zh = "完成" }
starts = "received"
stops = ["filled:service.handled"]
until = "service.wanted"
within = "5 working days"
responsible = "sales"
[[clock]]
key = "online"
name = { en = "First answer", zh = "首次答复" }
starts = "received"
stops = ["filled:service.answer"]
within = "24 hours"
target = true
responsible = "sales"
[[clock]]
key = "clean"
name = { en = "Handle", zh = "处理" }
when = { complaint_class = "general" }
starts = "received"
stops = ["filled:service.handled"]
within = "1 working hour"
responsible = "sales"
[[clock]]
key = "special"
name = { en = "Handle by the time set", zh = "按规定时间处理" }
when = { complaint_class = "special" }
starts = "filled:service.set_for"
stops = ["filled:service.handled"]
until = "service.set_for"
responsible = "sales"
[[clock]]
key = "report"
name = { en = "Report to the company", zh = "上报公司" }
starts = "filled:service.facts"
stops = ["filled:service.reported"]
within = "1 working day"
responsible = "sales"
[[clock]]
key = "lead"
name = { en = "Name the lead department", zh = "确定主责部门" }
starts = "written:quality"
stops = ["filled:quality.lead"]
within = "1 working day"
responsible = "qa_mgr"
"""


APPEAL = """\
key = "appeal"
version = 1
name = { en = "Appeal", zh = "申诉" }
[classes]
appeal = { en = "Appeal", zh = "申诉" }
[[stage]]
key = "draft"
name = { en = "Draft", zh = "待登记" }
[[stage]]
key = "accepted"
name = { en = "Accepted", zh = "已受理" }
register = true
[[stage]]
key = "closed"
name = { en = "Closed", zh = "已结案" }
final = true
[[move]]
from = "draft"
to = "accepted"
by = ["clerk"]
[[move]]
from = "accepted"
to = "closed"
by = ["clerk"]
[[sheet]]
key = "points"
name = { en = "Times told to the employee", zh = "告知员工的时间点" }
by = ["clerk"]
many = true
[[sheet.field]]
key = "what"
name = { en = "What", zh = "事项" }
required = true
[[sheet.field]]
key = "by"
name = { en = "By", zh = "时间" }
type = "time"
required = true
[[sheet.field]]
key = "done"
name = { en = "Done", zh = "完成" }
type = "time"
[[clock]]
key = "point"
name = { en = "Keep the time", zh = "按告知时间办理" }
starts = "filled:points.by"
stops = ["filled:points.done"]
until = "points.by"
responsible = "sales"
"""


def changed(*pairs: tuple[str, str]) -> str:
    """The small procedure with some of its text replaced; each must be there."""
    text = SMALL
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text
