import pytest
import requests


@pytest.mark.parametrize(
    ("item", "status"),
    [("tea", 201), ("coffee", 404), ("teapot", 201)],
)
def test_order(shop, item, status):
    order = {"item": item, "count": 2}
    answer = requests.post(f"{shop}/orders", json=order, timeout=10)
    assert answer.status_code == status
