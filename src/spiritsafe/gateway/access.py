"""Who may use the routes that steer the gateway or tell what it knows.

A token, or nobody but this machine - and a request that a proxy on this machine passed on does not come from this
machine, whatever its connection says. Source: RFC 6750 (bearer tokens).
"""

import hmac
from ipaddress import ip_address

from spiritsafe.gateway.asgi import Problem, Scope

__all__ = ["Access"]

_PASSED_ON = frozenset(
    {
        *(b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip"),
        *(b"x-envoy-external-address", b"x-envoy-internal", b"x-original-forwarded-for", b"cf-connecting-ip"),
    }
)


class Access:
    """Lets in whoever shows the token, and where there is none, this machine.

    Args:
        token: of the operator; None where there is none.
    """

    def __init__(self, token: str | None) -> None:
        self._token = None if token is None else token.encode()
        self._local: dict[str, bool] = {}

    def check(self, scope: Scope) -> None:
        """Return if a request may pass.

        Raises:
            Problem: 401 if it shows another token, 403 if it would have to show one and there is none.
        """
        passed_on, shown = False, None
        for name, value in scope["headers"]:
            if name in _PASSED_ON:
                passed_on = True
            elif name == b"authorization":
                shown = value
        if self._token is not None:
            if shown is None or not hmac.compare_digest(shown, b"Bearer " + self._token):
                raise Problem(401, "This route needs the operator's token.", headers=[(b"www-authenticate", b"Bearer")])
        elif passed_on or not self._is_local(scope):
            raise Problem(403, "This route is for this machine alone, or for who has a token.")

    def _is_local(self, scope: Scope) -> bool:
        peer = scope["client"]
        if peer is None:  # a socket of the file system: whoever may open the file
            return True
        host = peer[0]
        if (known := self._local.get(host)) is None:
            try:
                address = ip_address(host)
                known = (getattr(address, "ipv4_mapped", None) or address).is_loopback
            except ValueError:
                known = False
            if len(self._local) < 1_000:
                self._local[host] = known
        return known
