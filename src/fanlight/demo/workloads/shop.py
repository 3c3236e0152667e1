"""The shop that the scripted applications serve: its handbook, a retriever over it, and its tools."""

from __future__ import annotations

import asyncio
import re
import time

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import BaseTool, ToolException, tool
from typing_extensions import override

HANDBOOK = {
    "returns": "You can return a lamp within 30 days of delivery. It comes back in its own box; we pay the label.",
    "refunds": "Refunds reach the card they were paid with within 5 days after a returned lamp has arrived.",
    "shipping": "Orders placed before noon leave the same day. Islands and mountain villages take two days longer.",
    "warranty": "Every lamp has a warranty of five years. Bulbs are excluded, broken glass is not.",
    "repairs": "Send us a picture of a broken lamp first: four of five are repaired with a part that we post to you.",
    "invoices": "Invoices are in your account under orders, as PDF, one for each delivery.",
}


class CardDeclinedError(Exception):
    """The payment provider's no."""


class HandbookRetriever(BaseRetriever):
    """
    Finds the pages of the handbook that share the most words with the question.

    Each document carries an id and its score, the share of the question's words that the page has.
    """

    k: int = 3
    pace: float = 0.0

    @override
    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        time.sleep(self.pace)
        return self._find(query)

    @override
    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[Document]:
        await asyncio.sleep(self.pace)
        return self._find(query)

    def _find(self, query: str) -> list[Document]:
        wanted = _words(query)
        scored = [(len(wanted & _words(text)) / max(1, len(wanted)), page) for page, text in HANDBOOK.items()]
        best = sorted(scored, key=lambda pair: (-pair[0], pair[1]))[: self.k]
        return [_document(page, round(score, 3)) for score, page in best]


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text.lower()))


def _document(page: str, score: float) -> Document:
    return Document(HANDBOOK[page], id=f"handbook/{page}", metadata={"source": f"{page}.md", "score": score})


@tool
def find_order(order_id: str) -> dict[str, object]:
    """Return what was ordered, and where it is."""
    return {"order_id": order_id, "item": "Anglepoise lamp", "status": "in transit", "total": 129.0}


@tool
def shipping_estimate(order_id: str, postcode: str) -> str:
    """Return the day on which an order arrives."""
    return f"order {order_id} reaches {postcode} on Thursday"


@tool
def charge_card(amount: float) -> str:
    """Charge the customer's card."""
    raise CardDeclinedError(f"the card was declined for {amount:.2f} EUR")


def _no_stock(item: str) -> str:
    """Reserve an item in the warehouse."""
    raise ToolException(f"no {item} in stock")


reserve: BaseTool = tool("reserve")(_no_stock)
reserve.handle_tool_error = True  # answers with a ToolMessage of status "error" instead of raising
