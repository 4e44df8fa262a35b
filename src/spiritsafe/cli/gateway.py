"""``spiritsafe gateway``: the request path, as a server of its own.

It prints one line once it listens, so that whoever started it knows the port, and then nothing but its log.
"""

from pathlib import Path

from spiritsafe.cli.parser import Options, Parser
from spiritsafe.cli.terminal import Terminal
from spiritsafe.model.errors import ConfigError, ExitCode

__all__ = ["arguments", "run"]


def arguments(parser: Parser) -> None:
    """Declare the options."""
    parser.add_argument("--upstream", metavar="URL", help="the model's API, without /v1; without it, only decisions")
    parser.add_argument(
        "--store",
        type=Path,
        metavar="DIR",
        default=Path("spiritsafe-store"),
        help="keys, policy, receipts and captured exchanges (%(default)s)",
    )
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="where to listen (%(default)s)")
    parser.add_argument("--port", type=int, default=8_711, metavar="P", help="0 for any that is free (%(default)s)")
    parser.add_argument(
        "--workers", type=int, default=1, metavar="N", help="processes; above 1 they need a shared store (%(default)s)"
    )
    parser.add_argument(
        "--entities",
        action="append",
        default=[],
        metavar="F[:TAG]",
        help="what is known of networks, as with scan: nobody can look it up once addresses are pseudonyms",
    )
    parser.add_config()


def run(options: Options, terminal: Terminal) -> ExitCode:
    """Serve until SIGTERM or SIGINT."""
    from importlib.util import find_spec

    if any(find_spec(name) is None for name in ("aiohttp", "httptools", "uvicorn", "uvloop")):
        raise ConfigError("the gateway's packages are not installed", hint="Run: pip install 'spiritsafe[gateway]'")
    from spiritsafe.gateway.server import bind, run
    from spiritsafe.ingest.entities import EntityFile
    from spiritsafe.model.settings import load_settings
    from spiritsafe.pipeline.serving import gateway_of, listening_of
    from spiritsafe.pipeline.working import many

    settings = load_settings(options.config)
    listening = listening_of(settings.gateway, host=options.host, port=options.port)
    entities = tuple(EntityFile.parse(text) for text in options.entities)
    workers = None if options.workers == 1 else many(options.workers, options.store, settings, listening)
    app = gateway_of(options.store, settings, options.upstream, entities)
    sock = bind(listening)
    host, port = sock.getsockname()[:2]
    terminal.say(f"Listening: http://{f'[{host}]' if ':' in host else host}:{port}")
    if workers is None:
        run(app, sock, listening)
    else:
        del app  # it was built so that what is wrong with it is said once, here
        workers(sock, options.upstream, tuple(options.entities))
    return ExitCode.NOTHING_FOUND
