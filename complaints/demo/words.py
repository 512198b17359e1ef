"""What the demo company makes, who buys it, and what they complain about, in English and Chinese.

Texts hold `{product}`, `{code}`, `{order}`, `{batch}`, `{quantity}` and `{bad}`; fill.py puts them in.
"""

from dataclasses import dataclass

from complaints.errors import Name


@dataclass(frozen=True)
class Product:
    code: str
    name: Name
    material_no: str


@dataclass(frozen=True)
class Writer:
    """A person at a customer who writes to us."""

    name: str
    address: str
    phone: str

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


@dataclass(frozen=True)
class Buyer:
    """A customer, in whose language everything is said."""

    name: str
    address: str
    locale: str
    orders: str  # how their order numbers begin
    writers: tuple[Writer, ...]


@dataclass(frozen=True)
class Saying:
    """One complaint in one language."""

    subject: str
    text: str
    demand: str


@dataclass(frozen=True)
class Case:
    """A kind of complaint: what is wrong, with which products, and whose work it was. `major`: how many of a hundred
    are major ones."""

    department: str
    cause_type: str
    link: str
    major: int
    files: tuple[str, ...]
    products: tuple[str, ...]
    en: Saying
    zh: Saying

    def in_(self, locale: str) -> Saying:
        return self.zh if locale.startswith("zh") else self.en


PRODUCTS = {
    product.code: product
    for product in (
        Product("GP-40", Name("Gear pump housing", "齿轮泵壳体"), "1040-220"),
        Product("VB-16", Name("Valve block", "阀块"), "1016-305"),
        Product("QL-08", Name("Quick coupling", "快换接头"), "2008-114"),
        Product("SB-75", Name("Support bracket", "支撑支架"), "3075-042"),
        Product("DR-30", Name("Drive shaft", "传动轴"), "1030-518"),
        Product("CL-22", Name("Clamp ring", "卡紧环"), "3022-007"),
        Product("WK-11", Name("Wiring kit", "线束组件"), "4011-260"),
        Product("GS-05", Name("Gasket set", "密封垫组"), "5005-033"),
    )
}

BUYERS = (
    Buyer(
        "Quellstrom Mobility",
        "Harbour Works 12, 4051 Lindach",
        "en",
        "QM-45",
        (
            Writer("Ines Carrow", "ines.carrow@quellstrom.example", "+44 20 7946 0113"),
            Writer("Jonas Wedell", "jonas.wedell@quellstrom.example", "+44 20 7946 0114"),
        ),
    ),
    Buyer(
        "Corvello Automotive",
        "Via del Mulino 8, 10042 Brenzo",
        "en",
        "45001",
        (Writer("Giada Merlo", "g.merlo@corvello.example", "+39 011 5550 142"),),
    ),
    Buyer(
        "Haldersby Cranes Ltd",
        "Unit 4, Slip Road, Haldersby HD7 2QX",
        "en",
        "PO-77",
        (Writer("Rhona Keel", "rhona.keel@haldersby.example", "+44 1632 960 552"),),
    ),
    Buyer(
        "Mirefield Medical",
        "2200 Orchard Park Drive, Mirefield",
        "en",
        "MM-90",
        (
            Writer("Curtis Adeyemi", "curtis.adeyemi@mirefield.example", "+1 202 555 0174"),
            Writer("Supplier Quality", "supplier.quality@mirefield.example", "+1 202 555 0170"),
        ),
    ),
    Buyer(
        "沅岭重机有限公司",
        "湖南省沅岭市工业大道 88 号",
        "zh_CN",
        "YL2",
        (
            Writer("彭志远", "pengzy@yuanling.example", "0730-5550188"),
            Writer("谭雨", "tanyu@yuanling.example", "0730-5550162"),
        ),
    ),
    Buyer(
        "澜石电气股份有限公司",
        "江苏省澜石市科技园 3 号楼",
        "zh_CN",
        "LS-P",
        (Writer("徐曼", "xuman@lanshi.example", "0512-5550136"),),
    ),
    Buyer(
        "砚川轨道装备有限公司",
        "山东省砚川县铁路北街 16 号",
        "zh_CN",
        "YC09",
        (Writer("孔令辉", "konglh@yanchuan.example", "0531-5550190"),),
    ),
    Buyer(
        "禾渡农机厂",
        "河南省禾渡镇新农路 5 号",
        "zh_CN",
        "HD-",
        (Writer("郑秀梅", "zhengxm@hedu.example", "0371-5550127"),),
    ),
)

CASES = (
    Case(
        "machining", "quality", "product_quality", 15, ("photo", "measurements"), ("GP-40", "VB-16"),
        Saying(
            "Burrs inside port B, {product} {code}, lot {batch}",
            "during incoming inspection of lot {batch} (our order {order}) we found burrs at the crossing of port B "
            "and the main bore. {bad} of {quantity} parts are affected. Loose burrs end up in the customer's "
            "hydraulic circuit, so the lot is blocked.",
            "Please sort the stock at our site and send replacement for the rejected parts.",
        ),
        Saying(
            "{product} {code} B 口内有毛刺，批次 {batch}",
            "我司在来料检验批次 {batch}（订单 {order}）时发现 B 口与主孔交叉处有毛刺，抽检 {quantity} 件中有 {bad} "
            "件不合格。毛刺脱落会进入液压回路，该批已隔离。",
            "请派人到厂全检，并补发不良数量。",
        ),
    ),
    Case(
        "machining", "quality", "product_quality", 35, ("photo", "request"), ("GP-40",),
        Saying(
            "Leak at casting pore, line stopped, {code} lot {batch}",
            "pump housings of lot {batch} leak at 12 bar through pores beside the sealing land. {bad} parts failed "
            "on the test bench this morning and our line stood still for two hours. Order {order}, {quantity} "
            "delivered.",
            "Interim measures within one working day and an 8D report.",
        ),
        Saying(
            "{product}气孔渗漏，产线停线，批次 {batch}",
            "批次 {batch} 的泵壳在 12 bar 测试时，密封面旁气孔渗漏，今天上午已有 {bad} 件测试不合格，产线停线两小时。"
            "订单 {order}，共到货 {quantity} 件。",
            "请在一个工作日内给出临时对策，并提交 8D 报告。",
        ),
    ),
    Case(
        "machining", "quality", "product_quality", 8, ("measurements",), ("DR-30",),
        Saying(
            "Bearing seat out of tolerance on {code}, lot {batch}",
            "the bearing seat of {bad} shafts from lot {batch} measures 29.972 to 29.975 mm; the drawing asks for 30 "
            "k6. Measured on {quantity} parts, see the attached record. Order {order}.",
            "Credit note for the rejected shafts and corrected parts by the end of next week.",
        ),
        Saying(
            "{product} {code} 轴承位尺寸超差，批次 {batch}",
            "批次 {batch} 中有 {bad} 件传动轴的轴承位实测 29.972–29.975 mm，图纸要求 30 k6，共测 {quantity} 件，"
            "检测记录见附件。订单 {order}。",
            "不良品退货，并在下周末前补发合格品。",
        ),
    ),
    Case(
        "machining", "quality", "product_quality", 10, ("photo",), ("VB-16", "GP-40", "QL-08"),
        Saying(
            "Thread gauge does not enter, {code}",
            "the go gauge M18x1.5 does not enter port A on {bad} of {quantity} pieces. The first thread seems to be "
            "damaged in handling. Order {order}, lot {batch}.",
            "Tell us whether we may recut the threads here, at your cost.",
        ),
        Saying(
            "{product} {code} 螺纹通规不过",
            "A 口 M18x1.5 通规不过，{quantity} 件中有 {bad} 件，首牙疑似磕碰变形。订单 {order}，批次 {batch}。",
            "请确认是否可由我司现场返修，费用由贵司承担。",
        ),
    ),
    Case(
        "machining", "quality", "product_quality", 5, (), ("DR-30", "CL-22"),
        Saying(
            "Hardness below minimum, {product} lot {batch}",
            "we measure 54 to 55 HRC on {bad} parts of lot {batch}, the drawing says 58 +4. The certificate you sent "
            "with order {order} reports 59. Quantity delivered {quantity}.",
            "Check the retained sample and explain the difference.",
        ),
        Saying(
            "{product}硬度偏低，批次 {batch}",
            "批次 {batch} 抽检 {bad} 件，硬度为 54–55 HRC，图纸要求 58 +4，而贵司随订单 {order} 提供的报告为 59 HRC。"
            "到货数量 {quantity} 件。",
            "请复检留样并说明差异原因。",
        ),
    ),
    Case(
        "assembly", "quality", "product_quality", 30, ("photo", "request"), ("QL-08",),
        Saying(
            "Quick coupling came loose under pressure",
            "a coupling of lot {batch} came loose at 180 bar on a machine in the field. Nobody was hurt. The locking "
            "balls are missing on one side. We have stopped using the remaining {quantity} pieces of order {order}; "
            "{bad} more show the same fault.",
            "Your engineer on site within two days, and replacement from another lot.",
        ),
        Saying(
            "快换接头带压脱开，请立即处理",
            "批次 {batch} 的一只接头在 180 bar 时于现场设备上脱开，无人受伤，检查发现一侧锁紧钢珠漏装。订单 {order} "
            "剩余 {quantity} 件已停用，另发现 {bad} 件同样不良。",
            "请两日内派工程师到现场，并更换其他批次产品。",
        ),
    ),
    Case(
        "assembly", "quality", "product_quality", 10, ("photo",), ("WK-11",),
        Saying(
            "Connector pin pushed back, wiring kit lot {batch}",
            "pin 3 of connector X2 is not locked and moves back when mated: {bad} kits of {quantity}. Our order "
            "{order}, your lot {batch}.",
            "Sorted and reworked kits by Friday.",
        ),
        Saying(
            "线束端子退针，批次 {batch}",
            "X2 插头第 3 针未锁到位，对插后退针，{quantity} 套中有 {bad} 套。我司订单 {order}，贵司批次 {batch}。",
            "请在本周五前提供挑选合格的产品。",
        ),
    ),
    Case(
        "assembly", "quality", "product_quality", 5, (), ("WK-11",),
        Saying(
            "Wire to branch 4 is 15 mm too short",
            "branch 4 of the wiring kit measures 405 mm instead of 420 mm, so it cannot be clipped without tension. "
            "All {quantity} kits of lot {batch} that we checked are alike ({bad} checked). Order {order}.",
            "Replacement kits; tell us the date.",
        ),
        Saying(
            "线束第 4 支线短 15 mm，无法安装",
            "线束第 4 支线实测 405 mm，图纸 420 mm，卡扣无法自然固定。批次 {batch} 共 {quantity} 套，已查 {bad} "
            "套均如此。订单 {order}。",
            "请安排换货并告知到货日期。",
        ),
    ),
    Case(
        "assembly", "quality", "product_quality", 20, ("photo",), ("GS-05",),
        Saying(
            "Gasket missing from set {code}",
            "{bad} bags of {quantity} contain four gaskets instead of five; the small one (item 5) is missing. One "
            "set reached a finished machine before we noticed. Order {order}, lot {batch}.",
            "100 % check of your stock and 200 single gaskets free of charge.",
        ),
        Saying(
            "密封垫组 {code} 漏装一片",
            "{quantity} 袋中有 {bad} 袋只有四片，缺第 5 号小垫片，其中一套已装到成品机上才发现。订单 {order}，批次 "
            "{batch}。",
            "请全检库存，并免费补发 200 片小垫片。",
        ),
    ),
    Case(
        "assembly", "quality", "product_quality", 5, ("photo",), ("QL-08", "GS-05", "WK-11"),
        Saying(
            "Bar code on the label cannot be scanned, {code}",
            "the labels of delivery {order} cannot be read by our scanners: the print is pale and the quiet zone is "
            "cut. {quantity} pieces, {bad} cartons. We booked them by hand, which cost us an afternoon.",
            "New labels for the cartons in stock, and a printer check at your side.",
        ),
        Saying(
            "标签条码无法扫描，{product}",
            "订单 {order} 到货标签条码打印偏淡、留白被切，扫码枪无法识别，共 {quantity} 件 {bad} 箱，只能人工录入，"
            "耽误一个下午。",
            "请重新提供标签，并检查贵司打印机。",
        ),
    ),
    Case(
        "surface_treatment", "quality", "product_quality", 10, ("photo", "measurements"), ("SB-75", "CL-22"),
        Saying(
            "Red rust after 96 h salt spray, {code} lot {batch}",
            "in our quarterly check brackets of lot {batch} show red rust after 96 h of neutral salt spray; agreed "
            "are 240 h. {bad} of {quantity} samples failed. Order {order}.",
            "Root cause and a statement on all lots delivered since January.",
        ),
        Saying(
            "{product} {code} 盐雾 96 小时出现红锈",
            "季度抽检中，批次 {batch} 样品在中性盐雾 96 小时后出现红锈，技术协议要求 240 小时，{quantity} 件样品中 "
            "{bad} 件不合格。订单 {order}。",
            "请说明根本原因，并对今年已交批次给出处理意见。",
        ),
    ),
    Case(
        "surface_treatment", "quality", "product_quality", 5, ("photo",), ("SB-75",),
        Saying(
            "Paint runs on the visible face of {code}",
            "{bad} brackets of {quantity} have runs and dust in the paint on the visible face. Our customer rejects "
            "them. Order {order}, lot {batch}; photographs are attached.",
            "Replacement, and limit samples agreed between us.",
        ),
        Saying(
            "支架外观面流漆，批次 {batch}",
            "{quantity} 件支架中有 {bad} 件外观面有流漆和颗粒，我司客户拒收。订单 {order}，批次 {batch}，照片见附件。",
            "请换货，并与我司共同确认外观限度样。",
        ),
    ),
    Case(
        "surface_treatment", "quality", "product_quality", 12, ("measurements",), ("CL-22", "SB-75"),
        Saying(
            "Coating thickness uneven, {product} lot {batch}",
            "zinc-nickel thickness is 4 to 21 um on one and the same part; specified are 8 to 15 um. Measured "
            "{quantity} parts of lot {batch}, {bad} outside. Order {order}.",
            "Measure your retained samples and tell us the result.",
        ),
        Saying(
            "{product}镀层厚度不均，批次 {batch}",
            "同一零件镀层厚度 4–21 μm，规格为 8–15 μm。批次 {batch} 测量 {quantity} 件，{bad} 件超差。订单 {order}。",
            "请检测留样并回复结果。",
        ),
    ),
    Case(
        "surface_treatment", "quality", "product_quality", 15, ("photo", "request"), ("GP-40", "VB-16"),
        Saying(
            "Anodised layer flakes at the sealing edge, {code}",
            "the anodised layer of {bad} blocks flakes off at the sealing edge while the gasket is being fitted. The "
            "particles are hard and would scratch the spool. Lot {batch}, order {order}, {quantity} in stock.",
            "Stop deliveries of this lot and propose an interim measure.",
        ),
        Saying(
            "{product} {code} 密封边氧化层脱落",
            "装配密封垫时发现 {bad} 件密封边氧化层成片脱落，颗粒坚硬，会划伤阀芯。批次 {batch}，订单 {order}，库存 "
            "{quantity} 件。",
            "请停发该批次，并提出临时对策。",
        ),
    ),
    Case(
        "logistics", "non_quality", "delivery", 5, ("photo",), ("SB-75", "DR-30", "GP-40"),
        Saying(
            "Cartons crushed in transport, delivery {order}",
            "three of eight cartons of delivery {order} arrived crushed and wet. {bad} pieces of {quantity} are "
            "dented or rusty. The driver has signed for the damage; photographs attached.",
            "Replacement by express and better edge protection.",
        ),
        Saying(
            "运输压箱，{order} 到货外箱破损受潮",
            "订单 {order} 八箱货中三箱被压坏受潮，{quantity} 件中有 {bad} 件磕伤或生锈，司机已签字确认，照片见附件。",
            "请加急补货，并改进护角包装。",
        ),
    ),
    Case(
        "logistics", "non_quality", "delivery", 12, (), ("GP-40", "VB-16", "QL-08", "WK-11"),
        Saying(
            "Order {order} is five days late, when does it come?",
            "order {order} over {quantity} pieces {code} was confirmed for Monday of last week. Nothing has arrived, "
            "and the tracking number does not exist. We have {bad} pieces left and will stop on Thursday.",
            "A firm date today, and a part delivery by air if need be.",
        ),
        Saying(
            "订单 {order} 已延期五天，请回复交期",
            "订单 {order} 共 {quantity} 件 {code}，原定上周一到货，至今未到，物流单号也查不到。我司库存仅剩 {bad} "
            "件，周四将停产。",
            "请今日内确认交期，必要时先空运一部分。",
        ),
    ),
    Case(
        "logistics", "non_quality", "delivery", 2, ("photo",), ("CL-22", "GS-05", "QL-08"),
        Saying(
            "Quantity short by {bad} against delivery note",
            "we counted {bad} pieces less than the delivery note says ({quantity}). The cartons were sealed and "
            "intact. Our order {order}, your lot {batch}.",
            "Corrected invoice, or the missing pieces with the next delivery.",
        ),
        Saying(
            "到货数量比送货单少 {bad} 件",
            "实点数量比送货单（{quantity} 件）少 {bad} 件，外箱封口完好。我司订单 {order}，贵司批次 {batch}。",
            "请更正发票，或随下批补齐。",
        ),
    ),
    Case(
        "logistics", "non_quality", "delivery", 8, ("photo",), ("QL-08", "CL-22", "SB-75"),
        Saying(
            "Mixed parts in one carton, {code} and another type",
            "carton 4 of order {order} is labelled {code} but holds {bad} pieces of a different size between the "
            "right ones. One was nearly fitted. Please check how this can happen. {quantity} pieces were ordered, "
            "lot {batch}.",
            "Collect the wrong parts and check the remaining cartons with us.",
        ),
        Saying(
            "同箱混料，{code} 中混有其他规格",
            "订单 {order} 第 4 箱标签为 {code}，箱内混有 {bad} 件其他规格，险些装错。订购 {quantity} 件，批次 "
            "{batch}，请查明原因。",
            "请取回混料，并派人与我司一起核对其余各箱。",
        ),
    ),
    Case(
        "marketing", "other", "sales_service", 3, (), ("GP-40", "DR-30", "WK-11"),
        Saying(
            "No answer to our drawing change since three weeks",
            "we sent the drawing change for {code} three weeks ago and asked twice. Nobody told us whether order "
            "{order} will be made to the old or to the new revision. {quantity} pieces are concerned, {bad} are "
            "already shipped.",
            "One named person who answers us, and a decision on the revision.",
        ),
        Saying(
            "图纸变更三周未回复，{code}",
            "三周前已发出 {code} 的图纸变更并两次催问，至今无人答复订单 {order} 按新版还是旧版生产，涉及 {quantity} "
            "件，其中 {bad} 件已发货。",
            "请指定专人答复，并明确版本。",
        ),
    ),
    Case(
        "marketing", "other", "sales_service", 2, ("request",), ("VB-16", "CL-22", "DR-30"),
        Saying(
            "Certificate 3.1 does not match heat number, order {order}",
            "the 3.1 certificate sent with order {order} names a heat number that is not stamped on the parts (lot "
            "{batch}, {quantity} pieces). Our auditor has rejected {bad} documents of yours this year.",
            "The right certificate within three days.",
        ),
        Saying(
            "材质证明与炉号不符，订单 {order}",
            "随订单 {order} 提供的 3.1 材质证明炉号与零件钢印不一致（批次 {batch}，{quantity} 件），"
            "今年审核已退回贵司 {bad} 份文件。",
            "请三日内提供正确的证明。",
        ),
    ),
    Case(
        "marketing", "other", "sales_service", 2, (), ("QL-08", "GS-05", "SB-75"),
        Saying(
            "Invoice price differs from quotation",
            "invoice for order {order} charges the old price for {quantity} pieces {code}; your quotation of the "
            "spring says 4 % less. {bad} invoices of this year are wrong in the same way; please correct it in your "
            "system.",
            "Credit note.",
        ),
        Saying(
            "发票价格与报价单不一致",
            "订单 {order} 的发票仍按旧价计 {quantity} 件 {code}，春季报价单已下调 4%。今年已有 {bad} 张发票如此，"
            "请在系统中更正。",
            "请开具红字发票。",
        ),
    ),
    Case(
        "machining", "quality", "product_quality", 6, ("photo",), ("DR-30", "GP-40"),
        Saying(
            "Noise after 40 hours, {product} lot {batch}",
            "{bad} of {quantity} units run in with your part from lot {batch} became noisy after about 40 hours. The "
            "running surface shows chatter marks, as far as we can see. We send two parts back to you under order "
            "{order}.",
            "Analysis of the returned parts within two weeks.",
        ),
        Saying(
            "{product}运行 40 小时后异响，批次 {batch}",
            "装有批次 {batch} 零件的 {quantity} 台设备中，{bad} 台磨合约 40 小时后异响，拆检发现工作面有振纹。"
            "两件不良品随订单 {order} 寄回。",
            "请两周内给出分析结果。",
        ),
    ),
)  # fmt: skip

GREETINGS = {"en": "Good day,\n\n{text}\n\n{demand}\n\nKind regards\n{name}\n{customer}",
             "zh_CN": "您好：\n\n{text}\n\n{demand}\n\n{name}\n{customer}"}  # fmt: skip

ANSWERS = {
    "en": tuple(
        f"Good day,\n\n{text}\n\nKind regards\n{{name}}"
        for text in (
            "Thank you for the quick message. We have put aside ten more parts for you; where shall we send them?",
            "Our line starts again on Monday. Please tell us by then how far you are.",
            "One more photograph is attached. We can take others if you need them.",
            "We had expected to hear from you earlier. Who is in charge of this now?",
            "The replacement has arrived and looks good so far. We wait for your report.",
        )
    ),
    "zh_CN": tuple(
        f"您好：\n\n{text}\n\n{{name}}"
        for text in (
            "感谢回复。我们另外留了十件样品，请告知寄送地址。",
            "我司下周一恢复生产，请在此之前告知进展。",
            "补充一张照片，见附件，如需更多请告知。",
            "一直没有收到进一步的消息，请问现在由谁负责？",
            "补货已收到，目前看没有问题，等待贵司的报告。",
        )
    ),
}
ANSWER_WITH_FILE = 2
NOTES = {
    "en": {
        "phone": "By telephone: {text}",
        "chat": "From the chat: {text}",
        "visit": "Told during a visit: {text}",
        "letter": "Letter: {text}",
        "minutes": "From the minutes of the quarterly meeting: {text}",
    },
    "zh_CN": {
        "phone": "客户来电：{text}",
        "chat": "客户微信反映：{text}",
        "visit": "客户来访时反映：{text}",
        "letter": "客户来函：{text}",
        "minutes": "季度会议纪要：{text}",
    },
}
RECEIVED = {
    "en": (
        "We received your complaint",
        "Good day,\n\nthank you for telling us. Your message has arrived and has this number:\n\n  {number}\n\nWhat "
        "happens next: a person reads your message and registers it. The people concerned then examine the matter, "
        "and you will hear from us.\n\n-- \n{us}\nThis mail was sent automatically; a person reads every answer.\n",
    ),
    "zh_CN": (
        "已收到您的投诉",
        "您好：\n\n感谢您的来信。来信已收到，编号如下：\n\n  {number}\n\n接下来由专人阅读并登记，"
        "有关部门随后进行调查，我们会再与您联系。\n\n-- \n{us}\n此邮件由系统自动发送，每一封回信都有人阅读。\n",
    ),
}
