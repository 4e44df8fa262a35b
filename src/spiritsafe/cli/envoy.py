"""``spiritsafe envoy``: the configuration with which Envoy asks a gateway about every request."""

from pathlib import Path

from spiritsafe.cli.parser import Options, Parser
from spiritsafe.cli.terminal import Terminal
from spiritsafe.model.errors import ExitCode, UsageError

__all__ = ["arguments", "run"]


def arguments(parser: Parser) -> None:
    """Declare the options."""
    parser.add_argument("--model", metavar="URL", required=True, help="the model's API, without /v1")
    parser.add_argument("--gateway", metavar="URL", default="http://127.0.0.1:8711", help="its gateway (%(default)s)")
    parser.add_argument("--listen", metavar="HOST:PORT", default="127.0.0.1:8443", help="for clients (%(default)s)")
    parser.add_argument("--certificate", type=Path, metavar="F", help="chain that clients see; without it, no TLS")
    parser.add_argument("--key", type=Path, metavar="F", help="its key")
    parser.add_argument("--grpc", metavar="HOST:PORT", help="the gateway's gateway.grpc_port, to count what is used")
    parser.add_argument("--check", choices=("http", "grpc"), default="http", help="how to ask (%(default)s)")
    parser.add_argument("--fail-open", action="store_true", help="without the gateway, let requests pass undecided")
    parser.add_argument("--hops", type=int, default=0, metavar="N", help="own proxies before Envoy (%(default)s)")
    parser.add_argument("--wait-ms", type=int, default=250, metavar="MS", help="for a decision (%(default)s)")
    parser.add_argument("--body-mib", type=int, default=4, metavar="MIB", help="largest request body (%(default)s)")


def run(options: Options, terminal: Terminal) -> ExitCode:
    """Print it."""
    from spiritsafe.gateway.envoy.config import Check, Place, Tls, envoy_config

    if (options.certificate is None) != (options.key is None):
        raise UsageError("a certificate needs its key", hint="Give both --certificate and --key, or neither.")
    if options.hops < 0 or options.wait_ms < 1 or not 1 <= options.body_mib <= 1_024:
        raise UsageError("a number is out of range", hint="See: spiritsafe envoy --help")
    config = envoy_config(
        listen=Place.parse(options.listen),
        model=Place.parse(options.model),
        gateway=Place.parse(options.gateway),
        grpc=None if options.grpc is None else Place.parse(options.grpc),
        check=Check(options.check),
        tls=None if options.certificate is None else Tls(options.certificate.absolute(), options.key.absolute()),
        fail_open=options.fail_open,
        hops=options.hops,
        seconds=options.wait_ms / 1_000,
        body_bytes=options.body_mib << 20,
    )
    terminal.data(config)
    return ExitCode.NOTHING_FOUND
