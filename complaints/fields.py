"""The fields of the register entry by their names: what registration, the guards and the pages call them."""

from collections.abc import Mapping

from complaints.errors import N_

REGISTER: Mapping[str, str] = {
    "customer": N_("Customer"),
    "complaint_date": N_("Complaint date"),
    "content": N_("Complaint content"),
    "channel": N_("Channel"),
    "complaint_class": N_("Class"),
    "cause_type": N_("Cause type"),
    "link": N_("Link"),
    "order_no": N_("Order no."),
    "product": N_("Product name"),
    "demand": N_("Customer's demand"),
    "subject": N_("Subject"),
    "contact_person": N_("Contact person"),
    "contact_phone": N_("Telephone"),
    "contact_email": N_("E-mail"),
    "address": N_("Address"),
    "model": N_("Model, specification"),
    "material_no": N_("Material no."),
    "quantity": N_("Quantity"),
    "batch": N_("Batch or serial no."),
    "ship_date": N_("Ship date"),
    "product_code": N_("Product code"),
    "defective_quantity": N_("Defective quantity"),
    "production_date": N_("Production date"),
    "production_unit": N_("Production unit"),
    "production_staff": N_("Production staff"),
    "severity": N_("Severity, 0 to 10"),
    "vp_informed_on": N_("Vice general manager informed on"),
    "details_asked": N_("Details asked for, not yet known"),
}
