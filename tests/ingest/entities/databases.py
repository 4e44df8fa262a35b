"""MaxMind databases for tests: written by the format's rules, so that the real reader reads them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmdb_writer import MMDBWriter
from netaddr import IPSet

Record = Mapping[str, Any]

ASN = {"autonomous_system_number": 64500, "autonomous_system_organization": "Example Lab"}
COUNTRY = {"country": {"iso_code": "NL", "names": {"en": "Netherlands"}}, "registered_country": {"iso_code": "DE"}}


def database(path: Path, networks: Mapping[str, Record], *, version: int = 6, kind: str = "GeoLite2-ASN") -> Path:
    """Write a database of networks; an inner one written later replaces a part of an outer one."""
    writer = MMDBWriter(ip_version=version, database_type=kind, ipv4_compatible=version == 6, int_type="u32")
    for network, record in networks.items():
        writer.insert_network(IPSet([network]), dict(record))
    writer.to_db_file(str(path))
    return path
