"""Envoy with TLS, and Envoy without its gateway."""

import re
import socket
import ssl
import time
from pathlib import Path

import pytest

from spiritsafe.gateway.envoy.config import Place, envoy_config
from tests.gateway.envoy.conftest import KEYS
from tests.gateway.envoy.servers import ask, certificate, envoy, free_port
from tests.gateway.model_server import ModelServer
from tests.gateway.process import Gateway

JA4 = r"t1[23][di][0-9]{4}.._[0-9a-f]{12}_[0-9a-f]{12}"


def test_a_tls_fingerprint_cannot_be_put_on(decider: Gateway, model: ModelServer, tmp_path: Path) -> None:
    port, tls = free_port(), certificate(tmp_path)
    config = envoy_config(
        listen=Place("127.0.0.1", port), model=Place.parse(model.url), gateway=Place.parse(decider.url), tls=tls
    )
    context = ssl.create_default_context(cafile=str(tls.certificate))
    context.check_hostname = False
    forged = {"x-ja4": "t13d1516h2_8daaf6152771_b186095e22b6"}
    with envoy(tmp_path, config, port):
        prints = []
        for headers in ({}, forged):
            assert ask(port, KEYS["free"], headers=headers, tls=context).status == 200
            prints.append(model.requests[-1][1]["x-ja4"])
    assert prints[0] == prints[1] != forged["x-ja4"]
    assert re.fullmatch(JA4, prints[0])


@pytest.mark.parametrize(("fail_open", "status"), [(False, 503), (True, 200)])
def test_without_its_gateway_envoy_does_as_it_was_told(
    model: ModelServer, tmp_path: Path, *, fail_open: bool, status: int
) -> None:
    port, before = free_port(), len(model.requests)
    config = envoy_config(
        listen=Place("127.0.0.1", port),
        model=Place.parse(model.url),
        gateway=Place("127.0.0.1", free_port()),
        fail_open=fail_open,
    )
    forged = {"x-spiritsafe-decision": "mine", "x-spiritsafe-withhold": "1"}
    with envoy(tmp_path, config, port):
        assert ask(port, KEYS["free"], headers=forged).status == status
    assert len(model.requests) == before + fail_open
    if fail_open:
        assert not [name for name in model.requests[-1][1] if name.startswith("x-spiritsafe")]


def test_a_gateway_that_is_slow_is_one_that_is_gone(model: ModelServer, tmp_path: Path) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        config = envoy_config(
            listen=Place("127.0.0.1", port),
            model=Place.parse(model.url),
            gateway=Place("127.0.0.1", silent.getsockname()[1]),
            seconds=0.2,
        )
        with envoy(tmp_path, config, port):
            begun = time.monotonic()
            assert ask(port, KEYS["free"]).status == 503
            assert time.monotonic() - begun < 2
