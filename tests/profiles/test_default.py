"""The default procedure by the walker that goes through all of them."""

import pytest

from tests.profiles.conftest import Walk


@pytest.mark.parametrize("complaint_class", ["general", "major"])
def test_a_complaint_goes_from_its_first_message_to_its_end(walk: Walk, complaint_class: str) -> None:
    walker = walk("manufacturing", finding__responsibility="ours", answer__decision="accepted")
    walker.register(complaint_class=complaint_class)
    for stage in ("investigation", "action_plan", "implementation", "verification", "customer_reply", "closed"):
        assert walker.refused(stage)
        walker.to(stage)
    assert walker.stage == "closed"
