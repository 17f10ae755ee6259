"""`plumbline collector`: the collector alone."""

from __future__ import annotations

from pathlib import Path

from plumbline.cli.process import become
from plumbline.cli.settings import Given, resolve
from plumbline.cli.typed import Config, DataDir, OtlpGrpc, OtlpHttp


def run(config: Config = None, data_dir: DataDir = None, otlp_http: OtlpHttp = None, otlp_grpc: OtlpGrpc = None) -> int:
    """Start the collector alone: OTLP in, spool out."""
    become("collector", resolve(Given(config, data_dir, otlp_http=otlp_http, otlp_grpc=otlp_grpc), Path.cwd()))
