"""What was found out about each kind of complaint, and what the department planned against it, in both languages."""

from collections.abc import Mapping
from dataclasses import dataclass

from complaints.demo.words import CASES, Case


@dataclass(frozen=True)
class Found:
    """In one language: the finding, the root cause, and the two measures of the plan."""

    finding: str
    cause: str
    first: str
    second: str


@dataclass(frozen=True)
class Remedy:
    en: Found
    zh: Found

    def in_(self, locale: str) -> Found:
        return self.zh if locale.startswith("zh") else self.en


_REMEDIES = (
    Remedy(
        Found(
            "Retained parts of the lot show the same burrs at the crossing bore; the deburring brush was worn.",
            "The brush has no fixed tool life; the operator changes it by feel.",
            "Set a tool life of 400 parts for the deburring brush and count it in the machine",
            "Add the crossing bore to the endoscope check of the first and last part",
        ),
        Found(
            "留样在交叉孔处有同样毛刺，去毛刺刷已磨损。",
            "去毛刺刷未规定寿命，由操作者凭感觉更换。",
            "规定去毛刺刷寿命 400 件，由设备计数",
            "首末件内窥镜检查增加交叉孔",
        ),
    ),
    Remedy(
        Found(
            "Pores above the limit beside the sealing land; the castings of one melt were not X-rayed.",
            "The sampling plan lets a new melt pass when the one before was good.",
            "X-ray five castings of every melt before machining",
            "Leak-test all housings at 15 bar until three lots in a row are free of faults",
        ),
        Found(
            "密封面旁气孔超标，其中一炉铸件未做 X 光检查。",
            "抽样方案规定前一炉合格时新炉可免检。",
            "每炉铸件加工前 X 光抽检五件",
            "连续三批无异常前，泵壳 15 bar 全检试漏",
        ),
    ),
    Remedy(
        Found(
            "The seats were ground 0.02 mm too small after the wheel had been dressed.",
            "The offset after dressing is typed in by hand and was entered with the wrong sign.",
            "Let the grinder take the dressing offset from its own measurement",
            "Release the first shaft after each dressing with a signed measurement",
        ),
        Found(
            "砂轮修整后轴承位多磨了 0.02 mm。",
            "修整补偿值由人工输入，正负号输错。",
            "修整补偿值改由磨床自动测量写入",
            "每次修整后首件测量签字放行",
        ),
    ),
    Remedy(
        Found(
            "The first thread is dented; parts touched each other in the wire basket.",
            "The baskets have no separators for parts with open ports.",
            "Use trays with separators for all parts with open threads",
            "Put caps on port A right after washing",
        ),
        Found(
            "首牙碰伤，零件在网篮中互相磕碰。",
            "网篮没有隔板，不适合开口螺纹件。",
            "开口螺纹件一律改用带隔板料盘",
            "清洗后 A 口立即加防护帽",
        ),
    ),
    Remedy(
        Found(
            "The retained sample measures 55 HRC; one charge was tempered 30 °C too hot.",
            "The thermocouple of furnace 2 drifted and its monthly comparison was left out.",
            "Replace the thermocouple and block furnace 2 when a comparison is overdue",
            "Write the certificate from the measured value of each charge",
        ),
        Found(
            "留样复检为 55 HRC，其中一炉回火温度偏高 30 °C。",
            "2 号炉热电偶漂移，且漏做月度比对。",
            "更换热电偶，比对逾期时 2 号炉自动停用",
            "报告改用每炉实测值出具",
        ),
    ),
    Remedy(
        Found(
            "Three locking balls are missing; the ball feeder was empty on one side for some minutes.",
            "The station counts strokes, not balls, and does not stop when the feeder is empty.",
            "Fit a sensor that counts the balls and stops the station",
            "Pull-test every coupling at 250 bar before packing",
        ),
        Found(
            "缺三粒锁紧钢珠，送珠器一侧曾短时缺料。",
            "工位只计冲程不计钢珠，缺料时不停机。",
            "加装钢珠计数传感器，缺珠停机",
            "包装前每只接头 250 bar 拉脱测试",
        ),
    ),
    Remedy(
        Found(
            "Pin 3 was pushed in without reaching its lock; the pull check was skipped during the shift change.",
            "The work instruction leaves open who checks when shifts change.",
            "Fit a test adapter that feels every pin and releases the label",
            "Name the leaving shift as the one that checks, in the work instruction",
        ),
        Found(
            "第 3 针未插到锁止位，交接班时漏做拉力检查。",
            "作业指导书未规定交接班时由谁检查。",
            "增加插针到位测试工装，合格才打印标签",
            "作业指导书明确由交班人员检查",
        ),
    ),
    Remedy(
        Found(
            "The wires were cut after the drawing before the last one.",
            "The old cutting list was still loaded at the machine.",
            "Load cutting lists from the drawing server only",
            "Scrap the kits in stock and cut new ones",
        ),
        Found(
            "线材按旧版图纸裁切。",
            "设备中仍保留旧版裁线清单。",
            "裁线清单只能从图纸服务器调用",
            "库存套件报废，重新裁线",
        ),
    ),
    Remedy(
        Found(
            "Bags were packed by counting; the scale would have seen the missing gasket but was switched off.",
            "The small gasket is lighter than the tolerance of the scale.",
            "Weigh each set on a scale with 0.1 g resolution",
            "Pack the small gasket in a coloured inner bag",
        ),
        Found(
            "装袋靠人工计数，称重复核当时未开启。",
            "小垫片重量小于秤的允差，称重发现不了。",
            "改用分辨率 0.1 g 的秤逐袋称重",
            "小垫片改用彩色内袋包装",
        ),
    ),
    Remedy(
        Found(
            "The print head is worn and the label template was shifted by 3 mm.",
            "Nobody is named for the upkeep of the label printer.",
            "Change the print head and put it into the maintenance plan",
            "Scan one label of each carton before shipping",
        ),
        Found(
            "打印头磨损，且标签模板偏移 3 mm。",
            "标签打印机没有指定维护人。",
            "更换打印头并纳入保养计划",
            "发货前每箱扫一张标签",
        ),
    ),
    Remedy(
        Found(
            "The zinc-nickel bath was low on nickel for two days; the layer is thinner than 6 µm at the edges.",
            "The bath is analysed once a week only.",
            "Analyse the bath every day and stop below 10 g/l nickel",
            "Salt-spray one rack of every week for 240 h",
        ),
        Found(
            "锌镍槽两天内镍含量偏低，边缘镀层不足 6 μm。",
            "镀液每周只分析一次。",
            "镀液每天分析，镍低于 10 g/l 停线",
            "每周抽一挂做 240 小时盐雾",
        ),
    ),
    Remedy(
        Found(
            "The paint was thinned too much and the filter of the booth was due for a change.",
            "Viscosity is measured at the start of the day only.",
            "Measure viscosity every two hours and write it down",
            "Change the booth filter by pressure difference, with an alarm",
        ),
        Found(
            "油漆稀释过度，喷房滤棉已到更换期。",
            "黏度只在每天开工时测一次。",
            "黏度每两小时测量并记录",
            "喷房滤棉按压差更换并设报警",
        ),
    ),
    Remedy(
        Found(
            "The parts hung at the edge of the rack, where the current is highest.",
            "The rack drawing allows positions that were never measured.",
            "Block the outer positions of the rack",
            "Measure thickness at the outer and inner position of each load",
        ),
        Found(
            "零件挂在挂具边缘，电流密度最大。",
            "挂具图允许使用未验证过的挂点。",
            "封闭挂具外侧挂点",
            "每槽内外挂点各测一件厚度",
        ),
    ),
    Remedy(
        Found(
            "The layer is brittle at the edge: the edge radius is 0.1 mm instead of 0.5 mm.",
            "The radius was lost when the milling program was rewritten.",
            "Bring the radius back into the program and lock it against changes",
            "Check the edge with a radius gauge before anodising",
        ),
        Found(
            "边缘氧化层发脆，棱边圆角为 0.1 mm，应为 0.5 mm。",
            "改写铣削程序时漏掉了圆角。",
            "程序恢复圆角并锁定，不得擅改",
            "氧化前用半径规检查棱边",
        ),
    ),
    Remedy(
        Found(
            "The cartons stood at the edge of the pallet without edge protection, and it rained while loading.",
            "The packing instruction says nothing of pallets with mixed heights.",
            "Use edge protectors and a cover on every pallet",
            "Load under the roof only; write it into the forwarder's contract",
        ),
        Found(
            "外箱放在托盘边缘且无护角，装车时淋雨。",
            "包装规范未规定高低混装托盘的做法。",
            "每个托盘加护角和防雨罩",
            "只在雨棚下装车，并写入运输合同",
        ),
    ),
    Remedy(
        Found(
            "The order was planned, but the material came a week late and nobody told the customer.",
            "A late delivery of material raises no alarm for the orders that need it.",
            "Show orders whose material is late in the daily planning meeting",
            "Tell the customer the new date on the day we know it",
        ),
        Found(
            "订单已排产，但材料晚到一周，且未通知客户。",
            "材料延期时不会提示受影响的订单。",
            "每日排产会列出缺料订单",
            "得知新交期当天通知客户",
        ),
    ),
    Remedy(
        Found(
            "One layer of the carton was left empty; the delivery note was printed before packing had ended.",
            "The note takes the ordered quantity, not the packed one.",
            "Print the delivery note from the scanned quantity",
            "Check the weight of each carton against the quantity",
        ),
        Found(
            "箱内少装一层，包装未完成就打印了送货单。",
            "送货单取订单数量，而不是实装数量。",
            "送货单按扫码数量打印",
            "每箱称重与数量核对",
        ),
    ),
    Remedy(
        Found(
            "Two types lay on one packing table; a rest of the order before went into the carton.",
            "The table is not cleared between two orders.",
            "Clear and sign off the packing table between orders",
            "Give the two sizes containers of different colours",
        ),
        Found(
            "同一包装台放有两种规格，上一单余料混入箱内。",
            "换单时没有清台。",
            "换单清台并签字",
            "两种规格改用不同颜色的周转箱",
        ),
    ),
    Remedy(
        Found(
            "The drawing change lay in a personal mailbox while the colleague was on leave.",
            "Drawing changes have no mailbox of their own and no deputy.",
            "Set up one mailbox for drawing changes with two deputies",
            "Answer every drawing change within two working days, even if only with a date",
        ),
        Found(
            "图纸变更邮件留在休假同事的个人邮箱里。",
            "图纸变更没有公共邮箱，也没有代理人。",
            "设立图纸变更公共邮箱，并指定两名代理人",
            "图纸变更两个工作日内答复，至少告知日期",
        ),
    ),
    Remedy(
        Found(
            "The certificate of the lot before was sent along.",
            "Certificates are filed by order and not by heat number.",
            "File certificates by heat number and print them from there",
            "Compare the heat number with the stamp when packing",
        ),
        Found(
            "误附了上一批的材质证明。",
            "证明按订单归档，没有按炉号归档。",
            "证明改按炉号归档和打印",
            "包装时核对炉号与钢印",
        ),
    ),
    Remedy(
        Found(
            "The new price was agreed but never entered for this customer.",
            "Quotations and the price list are kept in two places.",
            "Enter agreed prices on the day of the quotation, with a second look",
            "Correct the open invoices of this year",
        ),
        Found(
            "新价格已谈定，但系统中未更新该客户价格。",
            "报价单与价格表分开维护。",
            "报价当天录入价格并复核",
            "更正今年未结的发票",
        ),
    ),
    Remedy(
        Found(
            "Chatter marks on the running surface; the spindle bearing of lathe 3 has too much play.",
            "Vibration is not measured on the finishing lathes.",
            "Change the spindle bearing of lathe 3",
            "Measure vibration on all finishing lathes every month",
        ),
        Found(
            "工作面有振纹，3 号车床主轴轴承间隙过大。",
            "精车床未做振动检测。",
            "更换 3 号车床主轴轴承",
            "所有精车床每月测振",
        ),
    ),
)
REMEDIES: Mapping[Case, Remedy] = dict(zip(CASES, _REMEDIES, strict=True))
