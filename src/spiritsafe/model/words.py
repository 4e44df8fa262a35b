"""The closed vocabularies: tiers, families, capabilities, programmes.

Enums rather than strings, so that a typing error is a type error; their values are what the
contract's files carry. Order matters where the stored tables keep counts per member: append only.
"""

from enum import StrEnum

__all__ = [
    "LINK_PREFIX",
    "SHARED_EXIT",
    "TRAIT_FAMILY",
    "Action",
    "Capability",
    "Elicitation",
    "EntityKind",
    "Family",
    "Format",
    "NetworkTag",
    "Programme",
    "Step",
    "Subject",
    "Tier",
    "TraitKind",
    "Verification",
    "family_of",
    "link_kind",
]


class Format(StrEnum):
    """Formats of exchange logs; the values are what ``--format`` takes."""

    PARQUET = "parquet"
    JSONL = "jsonl"
    CSV = "csv"
    LITELLM = "litellm"
    LITELLM_SPEND = "litellm-spend"
    OTLP_JSON = "otlp-json"
    OTLP_PROTOBUF = "otlp-protobuf"
    ENVOY = "envoy"
    PAIRS = "pairs"
    HAR = "har"
    LANGFUSE = "langfuse"
    HELICONE = "helicone"


class Tier(StrEnum):
    """How far the evidence carries; each tier permits a stronger, still reversible answer."""

    LINKED = "linked"
    SUSPECTED = "suspected"
    CONFIRMED = "confirmed"

    @property
    def rank(self) -> int:
        """0 for linked, 1 for suspected, 2 for confirmed."""
        return list(Tier).index(self)


class Family(StrEnum):
    """Families of evidence; within one, signals may be correlated, so each family's gain is capped."""

    NETWORK = "network"
    PAYMENT = "payment"
    DEVICE = "device"
    SIGNUP = "signup"
    CONTENT = "content"
    TIMING = "timing"
    CORPUS = "corpus"
    PIVOT = "pivot"
    CONTEXT = "context"
    VOLUME = "volume"
    OWN = "own"  # links of a family that the provider named; each name is a family by itself

    @property
    def is_infrastructure(self) -> bool:
        """True where sharing proves acquaintance, never abuse."""
        return self in {Family.NETWORK, Family.PAYMENT, Family.DEVICE, Family.SIGNUP}


class TraitKind(StrEnum):
    """What two accounts can have in common; stored in ``traits.kind``."""

    IP = "ip"
    PREFIX = "prefix"
    ASN = "asn"
    JA4 = "ja4"
    USER_AGENT = "user_agent"
    COUNTRY = "country"
    CHANNEL = "channel"
    PAYMENT = "payment"
    DEVICE = "device"
    EMAIL = "email"
    EMAIL_DOMAIN = "email_domain"
    PHONE = "phone"
    SIGNUP_IP = "signup_ip"
    SIGNUP_PREFIX = "signup_prefix"
    REFERRAL = "referral"
    END_USER = "end_user"
    MODEL = "model"
    CONFIG = "config"
    SYSTEM = "system"
    SENTENCE = "sentence"
    INSTANCE = "instance"
    LANGUAGE = "language"
    ENTITY = "entity"


TRAIT_FAMILY: dict[TraitKind, Family] = {
    TraitKind.IP: Family.NETWORK,
    TraitKind.PREFIX: Family.NETWORK,
    TraitKind.ASN: Family.NETWORK,
    TraitKind.COUNTRY: Family.NETWORK,
    TraitKind.CHANNEL: Family.NETWORK,
    TraitKind.JA4: Family.DEVICE,
    TraitKind.USER_AGENT: Family.DEVICE,
    TraitKind.DEVICE: Family.DEVICE,
    TraitKind.PAYMENT: Family.PAYMENT,
    TraitKind.EMAIL: Family.SIGNUP,
    TraitKind.EMAIL_DOMAIN: Family.SIGNUP,
    TraitKind.PHONE: Family.SIGNUP,
    TraitKind.SIGNUP_IP: Family.SIGNUP,
    TraitKind.SIGNUP_PREFIX: Family.SIGNUP,
    TraitKind.REFERRAL: Family.SIGNUP,
    TraitKind.END_USER: Family.CONTENT,
    TraitKind.MODEL: Family.PIVOT,
    TraitKind.CONFIG: Family.CONTENT,
    TraitKind.SYSTEM: Family.CONTENT,
    TraitKind.SENTENCE: Family.CONTENT,
    TraitKind.INSTANCE: Family.CORPUS,
    TraitKind.LANGUAGE: Family.CONTENT,
    TraitKind.ENTITY: Family.CONTEXT,
}

LINK_PREFIX = "link:"
"""Begins the kind of a trait from a links table; the provider's name for the family follows."""

_LINK_FAMILIES = frozenset(
    {Family.NETWORK, Family.PAYMENT, Family.DEVICE, Family.SIGNUP, Family.CONTENT, Family.TIMING}
)


def link_kind(family: str) -> str:
    """Return the stored kind of a links table's family; these kinds are an open vocabulary.

    >>> link_kind("payment")
    'link:payment'
    """
    return LINK_PREFIX + family


def family_of(kind: str) -> Family:
    """Return the family that a stored kind testifies in; a links family of the provider's own is ``own``.

    >>> family_of("prefix"), family_of("link:payment"), family_of("link:badge colour")
    (<Family.NETWORK: 'network'>, <Family.PAYMENT: 'payment'>, <Family.OWN: 'own'>)
    """
    if not kind.startswith(LINK_PREFIX):
        return TRAIT_FAMILY[TraitKind(kind)]
    name = kind.removeprefix(LINK_PREFIX)
    return Family(name) if name in _LINK_FAMILIES else Family.OWN


SHARED_EXIT = "shared exit"
"""Label of an address or network behind which unrelated people stand (VPN, Tor, proxy, campus)."""


class EntityKind(StrEnum):
    """What the provider's intelligence can name; the contract's ``entities.kind``."""

    CIDR = "cidr"
    ASN = "asn"
    DOMAIN = "domain"
    JA4 = "ja4"


class NetworkTag(StrEnum):
    """What a network serves as; any other tag is an entity's name."""

    HOSTING = "hosting"
    VPN = "vpn"
    TOR = "tor"
    PROXY = "proxy"
    EDUCATION = "education"

    @property
    def is_shared(self) -> bool:
        """True where unrelated people stand behind one address, so that it links nobody."""
        return self is not NetworkTag.HOSTING


class Capability(StrEnum):
    """What an exchange asks the model to be good at."""

    REASONING = "reasoning"
    AGENTIC = "agentic"
    TOOL_USE = "tool_use"
    CODING = "coding"
    DATA_ANALYSIS = "data_analysis"
    COMPUTER_USE = "computer_use"
    VISION = "vision"
    WRITING = "writing"
    TRANSLATION = "translation"
    OTHER = "other"


class Elicitation(StrEnum):
    """What an exchange tries to make the model write down."""

    CHAIN_OF_THOUGHT = "chain_of_thought"
    TRACE_RECONSTRUCTION = "trace_reconstruction"
    RUBRIC_GRADING = "rubric_grading"
    REWRITING = "rewriting"
    PERSONA = "persona"
    NONE = "none"


class Programme(StrEnum):
    """The programme under which the provider admitted an account."""

    NONE = "none"
    EDUCATION = "education"
    RESEARCH = "research"
    STARTUP = "startup"
    ENTERPRISE = "enterprise"
    LICENSED_DISTILLATION = "licensed_distillation"


class Verification(StrEnum):
    """The strongest check the provider made of who is behind an account."""

    NONE = "none"
    EMAIL = "email"
    PHONE = "phone"
    PAYMENT = "payment"
    ORGANISATION = "organisation"


class Step(StrEnum):
    """The ladder of answers, each stronger than the one before; all can be undone."""

    OBSERVE = "observe"
    RATE_LIMIT = "rate_limit"
    STEP_UP = "step_up"
    WITHHOLD = "withhold"
    WATERMARK = "watermark"
    SUSPEND = "suspend"


class Action(StrEnum):
    """What becomes of one request; the contract's ``action``."""

    ALLOW = "allow"
    RATE_LIMIT = "rate_limit"
    STEP_UP = "step_up"
    WITHHOLD = "withhold"
    WATERMARK = "watermark"
    SUSPEND = "suspend"

    @property
    def passes(self) -> bool:
        """True where the request goes on to the model."""
        return self in {Action.ALLOW, Action.WITHHOLD, Action.WATERMARK}


class Subject(StrEnum):
    """Whom a row of a policy is about."""

    ACCOUNT = "account"
    KEY = "key"
    ORGANISATION = "organisation"
    CAMPAIGN = "campaign"
    PREFIX = "prefix"
