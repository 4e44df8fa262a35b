"""One file per input format, and the table that leads from a format to its reader."""

from spiritsafe.ingest.readers.csv import CsvReader
from spiritsafe.ingest.readers.envoy import Envoy
from spiritsafe.ingest.readers.har import Har
from spiritsafe.ingest.readers.helicone import Helicone
from spiritsafe.ingest.readers.jsonl import JsonlReader
from spiritsafe.ingest.readers.langfuse import Langfuse
from spiritsafe.ingest.readers.litellm import LiteLlm
from spiritsafe.ingest.readers.otlp import Otlp
from spiritsafe.ingest.readers.otlpproto import OtlpProtoReader
from spiritsafe.ingest.readers.pairs import Pairs
from spiritsafe.ingest.readers.parquet import ParquetReader
from spiritsafe.ingest.readers.reader import Format, Reader
from spiritsafe.ingest.readers.records import RecordReader
from spiritsafe.ingest.readers.spendlogs import SpendLogs

__all__ = ["READERS", "Format", "Reader"]

READERS: dict[Format, Reader] = {
    Format.PARQUET: ParquetReader(),
    Format.JSONL: JsonlReader(),
    Format.CSV: CsvReader(),
    Format.LITELLM: RecordReader(LiteLlm()),
    Format.LITELLM_SPEND: RecordReader(SpendLogs()),
    Format.OTLP_JSON: RecordReader(Otlp()),
    Format.OTLP_PROTOBUF: OtlpProtoReader(),
    Format.ENVOY: RecordReader(Envoy()),
    Format.LANGFUSE: RecordReader(Langfuse()),
    Format.HELICONE: RecordReader(Helicone()),
    Format.PAIRS: RecordReader(Pairs()),
    Format.HAR: RecordReader(Har()),
}
