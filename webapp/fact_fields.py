"""Which facts the page of a complaint shows of its register entry, in their order."""

from collections.abc import Mapping

from complaints.errors import N_

GROUPS: Mapping[str, tuple[str, ...]] = {
    "contact": ("contact_person", "contact_phone", "contact_email"),
    "production": ("production_date", "production_unit", "production_staff"),
}
"""Fields that are edited together."""
NAMES: Mapping[str, str] = {"contact": N_("Contact"), "production": N_("Production")}
SHOWN = (
    "customer", "contact", "address", "product", "model", "order_no", "material_no", "product_code", "batch",
    "quantity", "defective_quantity", "ship_date", "production", "details_asked", "demand", "complaint_class",
    "severity", "cause_type", "link", "channel", "complaint_date", "vp_informed_on", "subject", "content",
)  # fmt: skip
LONG = ("demand", "details_asked")
