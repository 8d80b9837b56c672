import pytest

from engine.activities import ACTIVITIES, Secret

pytestmark = pytest.mark.anyio


async def test_what_is_mapped_is_the_output(desk):
    value = {"a": [1, {"b": None}], "c": "text"}
    assert (await desk.do("transform", value)).output == value
    assert (await desk.do("transform", [1, 2])).output == [1, 2]


async def test_a_secret_never_becomes_an_output(desk):
    fault = await desk.fault("transform", {"key": Secret("s3cret-value", "cms")})
    assert fault.code == "output_invalid"
    assert "output.key: is a Secret" in fault.message
    assert "s3cret" not in fault.message


async def test_a_huge_mapping_is_refused(desk):
    assert (await desk.fault("transform", {"a": "x" * 9_000_000})).code == "output_too_large"


async def test_every_kind_of_work_has_its_activity():
    assert set(ACTIVITIES) == {"http", "python", "command", "model", "transform"}
