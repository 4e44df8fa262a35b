"""Files of intelligence as they are published, told by content; and what a bad line does."""

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spiritsafe.ingest.entities import Entities, EntityFile, load_entities
from spiritsafe.ingest.quarantine import Quarantine
from spiritsafe.ingest.read import Reading
from spiritsafe.model.columns import ENTITIES
from spiritsafe.model.errors import InputError, UsageError
from spiritsafe.model.settings import OnError
from spiritsafe.model.words import EntityKind
from tests.ingest.entities.databases import ASN, COUNTRY, database

Told = tuple[int | None, str | None, set[str]]


def load(*files: tuple[Path, str | None]) -> Entities:
    return load_entities([EntityFile(path, tag) for path, tag in files], Reading(ENTITIES))


def told(entities: Entities, *ips: str) -> list[Told]:
    """ASN, country and tags of each address."""
    places = entities.places(pa.array(ips, pa.string()), pa.nulls(len(ips), pa.int64()))
    assert places
    tags = [set(places.tags.filter(pa.array(places.rows == row)).to_pylist()) for row in range(len(ips))]
    return list(zip(places.asn.to_pylist(), places.country.to_pylist(), tags, strict=True))


def written(folder: Path, text: str, name: str = "list.txt") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        "192.0.2.0/24\n",
        "\ufeff# exits, hourly\n\n; more words\n192.0.2.0/24 ; SBL1\r\n",
        "192.0.2.0/24 # noted\n198.51.100.7\n",
        "192.0.2.0/24\t5\tseen five times\n",
        '"192.0.2.0/24",Example Ltd.\n',
        "192.0.2.0-192.0.2.255\n",
        "192.0.2.0 - 192.0.2.255\n",
        "192.0.2.0,192.0.2.255,Example\n",
        "network,org\n192.0.2.0/24,Example\n",
        "Start IP;End IP;Vendor\n192.0.2.0;192.0.2.255;\"Example; Ltd\"\n",
        "# by hand\nip,seen\n192.0.2.1,2026-01-01\n",
        "::ffff:192.0.2.0/120\n",
    ],
)  # fmt: skip
def test_a_list_in_many_hands(text: str, tmp_path: Path) -> None:
    entities = load((written(tmp_path, text), "vpn"))
    assert told(entities, "192.0.2.1", "::ffff:192.0.2.1", "203.0.113.1", "no address") == [
        (None, None, {"vpn"}),
        (None, None, {"vpn"}),
        (None, None, set()),
        (None, None, set()),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "1.0.0.0,1.0.0.255,64500,NL\n192.0.2.0,192.0.2.255,64500,NL\n",
        "192.0.2.0\t192.0.2.255\t64500\tNL\tEXAMPLE\n198.51.100.0\t198.51.100.255\t0\tNone\tNot routed\n",
        "network,asn,country,org\n192.0.2.0/24,AS64500,nl,Example\n",
        "network,autonomous_system_number,autonomous_system_organization,country_code\n192.0.2.0/24,64500,Example,NL\n",
    ],
)
def test_tables_of_origin_need_no_tag(text: str, tmp_path: Path) -> None:
    assert told(load((written(tmp_path, text), None)), "192.0.2.1") == [(64500, "NL", set())]


def test_a_geofeed_names_countries(tmp_path: Path) -> None:
    feed = written(tmp_path, "# RFC 8805\n192.0.2.0/24,NL,NL-NH,Amsterdam,\n2001:db8::/32,DE,,,\n")
    assert told(load((feed, None)), "192.0.2.1", "2001:db8::1") == [(None, "NL", set()), (None, "DE", set())]


def test_asns_and_domains(tmp_path: Path) -> None:
    entities = load(
        (written(tmp_path, "AS64500,5 Example Cloud\n64501\t# another\n", "asns.txt"), "hosting"),
        (written(tmp_path, "ASN,Entity\n64502,University of Examples\n", "edu.csv"), "education"),
        (written(tmp_path, "mail.example\n0.0.0.0 throwaway.example.net\n", "domains.txt"), "disposable"),
    )
    rows, tags = entities.tags(EntityKind.ASN, pa.array([64502, None, 64500, 64501, 7], pa.int64()))
    assert (rows.tolist(), tags.to_pylist()) == ([0, 2, 3], ["education", "hosting", "hosting"])
    rows, tags = entities.tags(EntityKind.DOMAIN, pa.array(["Mail.Example", "example.net"]))
    assert (rows.tolist(), tags.to_pylist()) == ([0], ["disposable"])


@pytest.mark.parametrize(
    ("table", "tag", "kind"),
    [
        ({"cidr": ["192.0.2.0/24"], "tag": ["tor_exit"], "source": ["s"], "family": ["ipv4"]}, None, "tor"),
        ({"ASN": [64500], "Entity": ["Example"]}, "hosting", "hosting"),
        ({"start": ["192.0.2.0"], "end": ["192.0.2.255"], "asn": [64500], "org": ["Example"]}, None, None),
        ({"kind": ["cidr"], "value": ["192.0.2.0/24"], "tag": ["VPN"]}, None, "vpn"),
    ],
)
def test_parquet(table: dict[str, list[object]], tag: str | None, kind: str | None, tmp_path: Path) -> None:
    pq.write_table(pa.table(table), tmp_path / "table.parquet")
    entities = load((tmp_path / "table.parquet", tag))
    if "ASN" in table:
        assert entities.tags(EntityKind.ASN, pa.array([64500]))[1].to_pylist() == [kind]
    else:
        ((asn, _, tags),) = told(entities, "192.0.2.9")
        assert asn == (64500 if "asn" in table else None)
        assert tags == ({kind} if kind else set())


def test_the_contracts_table_in_csv_and_jsonl(tmp_path: Path) -> None:
    csv = written(tmp_path, 'kind;value;tag\ncidr;192.0.2.0/24;"Example Lab"\nja4;T13D;tool\n')
    lines = written(tmp_path, '{"kind": "cidr", "value": "192.0.2.0/24", "tag": "Example Lab"}\n', "table.jsonl")
    for path in (csv, lines):
        assert told(load((path, None)), "192.0.2.9") == [(None, None, {"Example Lab"})]
    assert load((csv, None)).tags(EntityKind.JA4, pa.array(["t13d"]))[1].to_pylist() == ["tool"]


def test_lists_come_before_databases_and_all_tags_apply(tmp_path: Path) -> None:
    base = database(tmp_path / "asn.mmdb", {"192.0.0.0/16": ASN | {"is_anonymous_vpn": True}})
    land = database(tmp_path / "country.mmdb", {"192.0.0.0/16": COUNTRY}, kind="GeoLite2-Country")
    own = written(tmp_path, "start,end,asn\n192.0.2.0,192.0.2.127,64999\n")
    entities = load((base, None), (land, None), (own, None), (written(tmp_path, "192.0.2.0/24", "t"), "tor"))
    assert told(entities, "192.0.2.1", "192.0.2.200", "192.0.3.1", "198.51.100.1") == [
        (64999, "NL", {"tor", "vpn"}),
        (64500, "NL", {"tor", "vpn"}),
        (64500, "NL", {"vpn"}),
        (None, None, set()),
    ]


def test_what_the_log_says_stands_and_an_asns_tag_is_its_addresses(tmp_path: Path) -> None:
    base = database(tmp_path / "asn.mmdb", {"192.0.2.0/24": ASN})
    entities = load((base, None), (written(tmp_path, "AS64500\n"), "education"))
    ips = pa.array(["192.0.2.1", "192.0.2.1", None, "198.51.100.1"])
    places = entities.places(ips, pa.array([None, 7, 64500, None], pa.int64()))
    assert places
    assert places.asn.to_pylist() == [64500, 7, 64500, None]
    assert places.shared.tolist() == [True, False, True, False]


WHOLE: list[tuple[str, list[bool]]] = [
    ("192.0.2.1\n", [False, False, False, False, False]),
    ("192.0.2.0/24\n", [True, True, False, False, False]),
    ("192.0.2.0/25\n192.0.2.128/25\n", [True, True, False, False, False]),
    ("192.0.2.0/25\n192.0.2.129-192.0.2.255\n", [False, False, False, False, False]),
    ("192.0.2.1-192.0.3.255\n", [False, False, True, False, False]),
    ("192.0.0.0/16\n", [True, True, True, False, False]),
    ("2001:db8::1\n", [False, False, False, False, False]),
    ("2001:db8::/48\n", [False, False, False, True, False]),
    ("2001:db8::/49\n", [False, False, False, False, False]),
    ("0.0.0.0/0\n::/0\n", [True, True, True, True, False]),
]
ASKED = ["192.0.2.1", "192.0.2.200", "192.0.3.1", "2001:db8::1", None]


@pytest.mark.parametrize(("networks", "whole"), WHOLE)
def test_a_prefix_is_a_shared_exit_only_where_all_of_it_is(tmp_path: Path, networks: str, whole: list[bool]) -> None:
    places = load((written(tmp_path, networks), "tor")).places(pa.array(ASKED), pa.nulls(5, pa.int64()))
    assert places
    assert places.whole.tolist() == whole
    assert not (places.whole & ~places.shared).any()
    hosting = load((written(tmp_path, networks), "hosting")).places(pa.array(ASKED), pa.nulls(5, pa.int64()))
    assert hosting
    assert not hosting.whole.any()


@pytest.mark.parametrize(
    ("network", "whole"),
    [
        ("192.0.2.0/24", [True, True, False, False, False]),
        ("192.0.2.0/25", [False] * 5),
        ("192.0.2.1/32", [False] * 5),
        ("192.0.2.0/23", [True, True, True, False, False]),
        ("2001:db8::/48", [False, False, False, True, False]),
        ("2001:db8::1/128", [False] * 5),
    ],
)
def test_a_databases_network_is_as_wide_as_its_record(tmp_path: Path, network: str, whole: list[bool]) -> None:
    path = database(tmp_path / "a.mmdb", {network: {"is_anonymous_vpn": True}})
    places = load((path, None)).places(pa.array(ASKED), pa.nulls(5, pa.int64()))
    assert places
    assert places.whole.tolist() == whole


def test_an_asns_tag_is_all_of_its_networks(tmp_path: Path) -> None:
    entities = load((written(tmp_path, "AS64500\n"), "vpn"))
    places = entities.places(pa.array(["192.0.2.1", "192.0.2.2"]), pa.array([64500, 7], pa.int64()))
    assert places
    assert places.whole.tolist() == [True, False]


def test_hosting_is_no_shared_exit(tmp_path: Path) -> None:
    entities = load((written(tmp_path, "cidr,tag\n192.0.2.0/24,Datacenter\n"), None))
    places = entities.places(pa.array(["192.0.2.1"]), pa.nulls(1, pa.int64()))
    assert places
    assert places.tags.to_pylist() == ["hosting"]
    assert not places.shared.any()


BAD = "# a list\n192.0.2.0/24\n\nnot a network\n198.51.100.0/24\n192.0.2.0/64\n"


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, BAD)
    with pytest.raises(InputError) as caught:
        load((path, "vpn"))
    assert caught.value.message.startswith(f"{path}, row 4: is no network")
    assert "--on-error quarantine" in caught.value.hint


def test_a_bad_cell_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "start_ip,end_ip,asn\n192.0.2.0,192.0.2.255,many\n")
    with pytest.raises(InputError, match="row 2, column 'asn': holds no ASN"):
        load((path, None))


def test_a_row_of_the_contracts_table_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "kind,value,tag\ncidr,192.0.2.0/24,vpn\ncidr,here,vpn\n")
    with pytest.raises(InputError, match="row 2, column 'value': 'here' is not a network"):
        load((path, None))


@pytest.mark.parametrize("mode", [OnError.QUARANTINE, OnError.SKIP])
def test_bad_lines_can_be_left_out(mode: OnError, tmp_path: Path) -> None:
    path = written(tmp_path, BAD)
    with Quarantine(tmp_path / "quarantine.jsonl") as aside:
        reading = Reading(ENTITIES, mode, aside)
        entities = load_entities([EntityFile(path, "vpn")], reading)
    assert told(entities, "192.0.2.1", "198.51.100.1")[0] == (None, None, {"vpn"})
    assert (aside.count, reading.stats.skipped) == ((2, 0) if mode is OnError.QUARANTINE else (0, 2))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "says nothing"),
        (b"# nothing here\n", "says nothing"),
        (b"192.0.2.0/24\n", "says nothing"),  # and nobody said what it is
        (b"16777216,16777471\n", "no network"),  # addresses as numbers are not mistaken for ASNs
        (b"192.0.2.1 192.0.2.9\n", "no network"),  # a range or two addresses
        (b"192.0.2.0/24\n\0\n", "NUL"),
        (b"x" * 70_000, "longer than"),
        (gzip.compress(b"192.0.2.0/24\n" * 9, mtime=0)[:-9], "gzip"),
        (b"PAR1 and no more", "Parquet"),
    ],
)
def test_files_that_are_none(content: bytes, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_bytes(content)
    with pytest.raises(InputError, match=complaint) as caught:
        load((path, None))
    assert caught.value.file == str(path)
    assert caught.value.hint


def test_a_parquet_table_of_something_else(tmp_path: Path) -> None:
    pq.write_table(pa.table({"name": ["x"]}), tmp_path / "t.parquet")
    with pytest.raises(InputError, match="no column that names networks"):
        load((tmp_path / "t.parquet", "vpn"))


def test_a_database_cut_off_is_no_list(tmp_path: Path) -> None:
    path = database(tmp_path / "a.mmdb", {"192.0.2.0/24": ASN})
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match=r"NUL bytes|no list"):
        load((path, None))


_WORDS = st.one_of(
    st.text(),
    st.sampled_from(
        ["192.0.2.0/24", "192.0.2.1", "::/0", "AS7", "7", "NL", "a.example", "network,asn", "kind,value,tag"]
    ),
    st.from_regex(r"[0-9a-f:./,;#|\t\" -]{1,30}"),
    st.just("192.0.2.1/" + "9" * 5_000),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(_WORDS, max_size=4).map(",".join), max_size=6).map("\n".join), st.booleans())
def test_any_text_is_read_or_refused(tmp_path: Path, text: str, tagged: bool) -> None:
    path = tmp_path / "list"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    reading = Reading(ENTITIES, OnError.SKIP)
    try:
        entities = load_entities([EntityFile(path, "vpn" if tagged else None)], reading)
    except InputError as error:
        told = error
        assert_named(told, path)
    else:
        assert entities.names or entities.networks


def assert_named(error: InputError, path: Path) -> None:
    assert error.file == str(path)
    assert error.hint


@pytest.mark.parametrize("table", [{"kind": ["cidr"], "value": ["192.0.2.0/24"], "tag": ["vpn"]}, {"cidr": ["::/8"]}])
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(data=st.data())
def test_parquet_cut_off_or_spoilt_is_named(
    table: dict[str, list[object]], data: st.DataObject, tmp_path: Path
) -> None:
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table(table), path)
    spoilt = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(4, len(spoilt) - 1), max_size=5)):
        spoilt[place] = data.draw(st.integers(0, 255))
    path.write_bytes(spoilt[: data.draw(st.integers(4, len(spoilt)))])
    try:
        load((path, "vpn"))
    except InputError as error:
        told = error
        assert_named(told, path)


def test_gzip_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "list.gz"
    path.write_bytes(gzip.compress(b"192.0.2.0/24\n"))
    assert told(load((path, "tor")), "192.0.2.1") == [(None, None, {"tor"})]


def test_a_tag_behind_a_colon(tmp_path: Path) -> None:
    odd = written(tmp_path, "192.0.2.0/24", "exits:today")
    assert EntityFile.parse(f"{odd}") == EntityFile(odd)
    assert EntityFile.parse(f"{odd}:TOR") == EntityFile(odd, "tor")
    assert EntityFile.parse("list.txt:Example Lab") == EntityFile(Path("list.txt"), "Example Lab")
    with pytest.raises(UsageError, match="cannot be shown"):
        EntityFile.parse("list.txt:\udc80")
    assert EntityFile.parse("list.txt") == EntityFile(Path("list.txt"))
