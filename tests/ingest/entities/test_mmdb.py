"""MaxMind databases: what their fields say, IPv4 in IPv6 trees, and files that are broken."""

import ipaddress
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spiritsafe.ingest.entities.facts import NOTHING, Answer
from spiritsafe.ingest.entities.mmdb import Mmdb
from spiritsafe.model.errors import InputError, UsageError
from tests.ingest.entities.databases import ASN, COUNTRY, database


def _packed(text: str) -> bytes:
    return ipaddress.ip_address(text).packed


def _answer(path: Path, text: str, tag: str | None = None) -> Answer:
    return Mmdb(path, tag).answers([_packed(text)])[0]


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (ASN, Answer(64500, None, ())),
        (COUNTRY, Answer(0, "NL", ())),
        ({"registered_country": {"iso_code": "DE"}}, NOTHING),
        ({"country": {"iso_code": "NL"}, "traits": {"autonomous_system_number": 64500}}, Answer(64500, "NL", ())),
        ({"traits": {"is_anonymous_proxy": True, "user_type": "college"}}, Answer(0, None, ("proxy", "education"))),
        ({"is_anonymous": True, "is_anonymous_vpn": True}, Answer(0, None, ("vpn",))),
        ({"is_anonymous": True, "is_hosting_provider": True}, Answer(0, None, ("hosting",))),
        ({"is_public_proxy": True, "is_residential_proxy": True}, Answer(0, None, ("proxy",))),
        ({"is_tor_exit_node": True}, Answer(0, None, ("tor",))),
        ({"is_tor_exit_node": False}, NOTHING),
        ({"connection_type": "Cable/DSL", "isp": "Example"}, NOTHING),
        ({"asn": "AS64500", "country_code": "NL", "country": "Netherlands"}, Answer(64500, "NL", ())),
        ({"asn": "none of yours", "country": 7}, NOTHING),
    ],
)
def test_fields(record: dict[str, Any], told: Answer, tmp_path: Path) -> None:
    path = database(tmp_path / "a.mmdb", {"192.0.2.0/24": record})
    assert _answer(path, "192.0.2.77") == told
    assert _answer(path, "198.51.100.1") == NOTHING


def test_a_tag_of_the_callers_comes_first(tmp_path: Path) -> None:
    path = database(tmp_path / "a.mmdb", {"192.0.2.0/24": {"is_anonymous_vpn": True}})
    assert _answer(path, "192.0.2.77", "Example VPN") == Answer(0, None, ("Example VPN", "vpn"))
    assert _answer(path, "198.51.100.1", "Example VPN") == NOTHING


def test_the_smallest_network_answers_and_what_is_kept_does_not_change_it(tmp_path: Path) -> None:
    networks = {"192.0.0.0/16": {"asn": 1}, "192.0.2.0/24": {"asn": 2}, "192.0.2.128/25": {"asn": 3}}
    path = database(tmp_path / "a.mmdb", networks | {"2001:db8::/32": {"asn": 4}, "2001:db8:0:1::/64": {"asn": 5}})
    asked = {
        "192.0.2.129": 3, "192.0.2.1": 2, "192.0.3.1": 1, "192.0.3.200": 1,
        "2001:db8::1": 4, "2001:db8:0:1::1": 5, "2001:db8:1::1": 4,
    }  # fmt: skip
    opened = Mmdb(path)
    for _ in range(2):
        told = opened.answers([_packed(text) for text in asked])
        assert dict(zip(asked, (answer.asn for answer in told), strict=True)) == asked


def test_a_database_of_ipv4_knows_no_ipv6(tmp_path: Path) -> None:
    path = database(tmp_path / "a.mmdb", {"128.0.0.0/1": ASN}, version=4)
    assert _answer(path, "192.0.2.1").asn == 64500
    assert _answer(path, "2001:db8::1") == NOTHING


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_named_and_nothing_else_is_raised(data: st.DataObject, tmp_path: Path) -> None:
    whole = database(tmp_path / "a.mmdb", {"192.0.2.0/24": ASN | COUNTRY, "10.0.0.0/8": ASN}).read_bytes()
    broken = tmp_path / "broken.mmdb"
    if data.draw(st.booleans(), "cut"):
        broken.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    else:
        at = data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=40))
        spoilt = bytearray(whole)
        for place in at:
            spoilt[place] = data.draw(st.integers(0, 255))
        broken.write_bytes(bytes(spoilt))
    try:
        _ask(broken)
    except InputError as error:
        told = error
    else:
        return
    assert told.file == str(broken)
    assert "Download it again" in told.hint


def _ask(path: Path) -> None:
    Mmdb(path).answers([_packed(text) for text in ("192.0.2.1", "10.1.2.3", "8.8.8.8", "2001:db8::1")])


def test_without_the_package_the_message_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = database(tmp_path / "a.mmdb", {"192.0.2.0/24": ASN})
    monkeypatch.setitem(sys.modules, "maxminddb", None)
    with pytest.raises(UsageError, match="pip install 'spiritsafe"):
        Mmdb(path)
