"""
The gRPC side of the receiver.
"""

from __future__ import annotations

from typing import Any, NoReturn

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from fanlight_otel.receiving import Fault, Intake, ReceivedRequest, Signal, response_to


class Servicer:
    """OTLP over gRPC: one method, the same for every signal."""

    def __init__(self, receiver: Intake, signal: Signal) -> None:
        self._receiver = receiver
        self._signal = signal

    def Export(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - gRPC's name for it
        """Take one export request."""
        metadata = {str(key): str(value) for key, value in context.invocation_metadata()}
        received = ReceivedRequest("grpc", "Export", metadata, request.ByteSize())
        fault = self._receiver.next_fault(self._signal, received)
        if fault.answers_yes or fault.accept:
            self._receiver.take(self._signal, request)
        if fault.hang:
            self._receiver.hang()
        if not fault.answers_yes:
            _abort(context, fault)
        return response_to(self._signal, fault)


def _abort(context: grpc.ServicerContext, fault: Fault) -> NoReturn:
    code = grpc.StatusCode[fault.code if fault.code != "OK" else "UNAVAILABLE"]
    if fault.retry_delay is not None:
        delay = Duration()
        delay.FromMicroseconds(round(fault.retry_delay * 1e6))
        detail = AnyMessage()
        detail.Pack(RetryInfo(retry_delay=delay))
        status = Status(code=code.value[0], message=fault.body, details=[detail])
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(code, fault.body)
    raise AssertionError("abort raises")
