"""People ask while another build is published: the short form of `make swap`, over two small builds."""

from tests.integration.conftest import QUESTIONS
from tests.load.swap_under_load import swap_under_load


def test_nobody_notices_that_builds_are_swapped(town):
    result = swap_under_load(town.site, town.store, town.builds, QUESTIONS, seconds=9, askers=8, publishes=3)
    assert result.errors == []
    assert len(result.swaps) == 3
    assert "ERROR" not in town.site.said()
    for kind in ("api", "form", "page", "source", "passage"):
        assert len(result.times[kind]) > 5, f"{kind}: hardly asked"
    assert result.counts["marked"] > 20
    assert result.counts["changed"] + result.counts["gone"] > 0, "what the second build lacks was never asked for"
