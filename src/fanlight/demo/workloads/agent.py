"""A LangGraph agent: the model asks for tools, the tools answer, until the model is content."""

from __future__ import annotations

from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.tools import BaseTool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from fanlight.demo.workloads.model import Reply, ScriptedChat, call
from fanlight.demo.workloads.shop import CardDeclinedError, charge_card, find_order, reserve, shipping_estimate

_LOOKS_UP = (
    Reply(calls=(call("find_order", "call_1", order_id="A-1042"),), input_tokens=310, output_tokens=18),
    Reply(
        calls=(call("shipping_estimate", "call_2", order_id="A-1042", postcode="8001"),),
        input_tokens=362,
        output_tokens=24,
        cached=256,
    ),
    Reply(
        text="Your lamp is on its way and arrives on Thursday.",
        input_tokens=401,
        output_tokens=55,
        cached=320,
        reasoning=40,
    ),
)
_CHARGES = (Reply(calls=(call("charge_card", "call_1", amount=129.0),), input_tokens=290, output_tokens=16),)
_RESERVES = (
    Reply(calls=(call("reserve", "call_1", item="green lamp"),), input_tokens=280, output_tokens=15),
    Reply(text="I am sorry, green lamps are sold out.", input_tokens=315, output_tokens=12),
)


def graph(model: ScriptedChat, tools: list[BaseTool], name: str, *, asynchronous: bool = False) -> Runnable[Any, Any]:
    """Return a compiled agent of two nodes, `model` and `tools`."""
    bound = model.bind_tools(tools)

    def ask(state: MessagesState, config: RunnableConfig) -> dict[str, Any]:
        return {"messages": [bound.invoke(state["messages"], config)]}

    async def aask(state: MessagesState, config: RunnableConfig) -> dict[str, Any]:
        return {"messages": [await bound.ainvoke(state["messages"], config)]}

    builder = StateGraph(MessagesState)
    builder.add_node("model", aask if asynchronous else ask)
    builder.add_node("tools", ToolNode(tools))
    builder.add_edge(START, "model")
    builder.add_conditional_edges("model", tools_condition)
    builder.add_edge("tools", "model")
    return builder.compile(name=name)


def _order_agent(pace: float, *, asynchronous: bool = False) -> Runnable[Any, Any]:
    model = ScriptedChat(replies=_LOOKS_UP, pace=pace)
    return graph(model, [find_order, shipping_estimate], "order_agent", asynchronous=asynchronous)


def _says(text: str) -> dict[str, Any]:
    return {"messages": [("human", text)]}


def agent(config: RunnableConfig, pace: float = 0.0) -> str:
    """Call two tools and answer."""
    answer = _order_agent(pace).invoke(_says("Where is my order A-1042? I live in 8001."), config)
    return str(answer["messages"][-1].content)


async def aagent(config: RunnableConfig, pace: float = 0.0) -> str:
    """Call two tools and answer, in async code."""
    answer = await _order_agent(pace, asynchronous=True).ainvoke(
        _says("Where is my order A-1042? I live in 8001."), config
    )
    return str(answer["messages"][-1].content)


def agent_stream(config: RunnableConfig, pace: float = 0.0) -> str:
    """Call two tools and stream the model's tokens as LangGraph does."""
    pieces = _order_agent(pace).stream(_says("Where is my order A-1042?"), config, stream_mode="messages")
    return "".join(str(message.content) for message, _ in pieces if message.type == "AIMessageChunk")


def tool_error(config: RunnableConfig, pace: float = 0.0) -> CardDeclinedError | None:
    """Fail because a tool raises; return its exception."""
    model = ScriptedChat(replies=_CHARGES, pace=pace)
    try:
        graph(model, [charge_card], "checkout_agent").invoke(_says("I take a second lamp, charge my card."), config)
    except CardDeclinedError as error:
        return error
    return None


def tool_status(config: RunnableConfig, pace: float = 0.0) -> str:
    """Go on after a tool answered with `status="error"` instead of raising."""
    model = ScriptedChat(replies=_RESERVES, pace=pace)
    answer = graph(model, [reserve], "stock_agent").invoke(_says("Put a green lamp aside for me."), config)
    return str(answer["messages"][-1].content)
