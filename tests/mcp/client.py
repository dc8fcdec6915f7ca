"""The official Python SDK as a client of `belljar mcp`: over stdio and HTTP, with the handshake of clients
until 2025 and without it.

Needs BELLJAR, the program to be tested; `run.sh` prepares the rest.
"""

import json
import os
import shutil
import subprocess
import tempfile
from contextlib import AsyncExitStack

import anyio
import mcp_types as types
from mcp import MCPError

import checks
import server
from checks import equal, part, that
from connection import ERAS, connected, text


async def refused(what, code, asked):
    """What is answered with an error of the protocol, and its message."""
    try:
        that(what, False, await asked)
    except MCPError as error:
        equal(what, error.code, code)
        return error.message


async def greeting(c):
    equal("version of the protocol", c.client.protocol_version, ERAS[c.era])
    equal("name", c.client.server_info.name, "belljar")
    that("version", c.client.server_info.version, c.client.server_info)
    that("instructions", len(c.client.instructions or "") > 50, c.client.instructions)
    equal("tells of other tools", c.client.server_capabilities.tools.list_changed, True)
    equal("has no prompts", c.client.server_capabilities.prompts, None)


async def listing(c):
    equal("names", await c.names(), sorted(server.PACKED + server.PLAIN))
    tools = {tool.name: tool for tool in (await c.client.list_tools()).tools}
    plain = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
    for name in server.PACKED:
        wanted, tool = server.manifest(name), tools[name]
        equal(f"{name}: title", tool.title, wanted["title"])
        equal(f"{name}: description", tool.description, wanted["description"])
        if "input" in wanted:
            equal(f"{name}: input", tool.input_schema, wanted["input"])
    dates, query, markdown = (tools[name] for name in server.PACKED)
    equal("dates: output", dates.output_schema, server.manifest("dates")["output"])
    equal("jsonquery: output, which is any JSON", list(query.output_schema["properties"]), ["result"])
    equal("markdown: output, which is text", markdown.output_schema, None)
    for tool in (markdown, tools["loop"]):
        for key, value in plain.items():
            if key == "properties":
                equal(f"{tool.name}: input", tool.input_schema[key]["input"]["type"], "string")
            else:
                equal(f"{tool.name}: {key} of the input", tool.input_schema[key], value)
    for tool in tools.values():
        hints = tool.annotations
        equal(f"{tool.name}: read only", hints.read_only_hint, True)
        equal(f"{tool.name}: idempotent", hints.idempotent_hint, True)
        equal(f"{tool.name}: open world", hints.open_world_hint, False)
        that(f"{tool.name}: not destructive", not hints.destructive_hint, hints)
    await refused("a wrong cursor", types.INVALID_PARAMS, c.client.list_tools(cursor="nowhere"))


async def answers(c):
    for name in server.PACKED:
        for example in server.manifest(name)["examples"]:
            what = f"{name}: {example['description']}"
            given, wanted = (
                json.loads(example[f"{side}_json"]) if f"{side}_json" in example else example[side]
                for side in ("input", "output")
            )
            result = await c.call(name, given if isinstance(given, dict) else {"input": given})
            equal(f"{what}: is no error", result.is_error, False)
            if name == "markdown":
                equal(what, text(result), wanted)
                equal(f"{what}: structured", result.structured_content, None)
            else:
                # What is no object is a member of one; the text is as the guest wrote it.
                structured = wanted if name == "dates" else {"result": wanted}
                equal(what, result.structured_content, structured)
                equal(f"{what}: as text", json.loads(text(result)), wanted)
    result = await c.call("calc", {"input": '{"expr":"6*7"}'})
    equal("calc, which says nothing of itself", text(result), '{"value":42}')


async def wrong_arguments(c):
    for arguments, path in [
        ({"date": 5}, "/date"),
        ({"date": "2024-02-29", "add": {"days": "one"}}, "/add/days"),
        ({"date": "2024-02-29", "add": {"weeks": 1.5}}, "/add/weeks"),
        ({}, "date"),
        ({"date": "2024-02-29", "plus": {}}, "plus"),
    ]:
        result = await c.call("dates", arguments)
        equal(f"{arguments}: is an error", result.is_error, True)
        that(f"{arguments}: names the place", path in text(result), text(result))
    result = await c.call("loop", {"inputs": "x"})
    equal("text under another name", result.is_error, True)
    await refused("an unknown tool", types.INVALID_PARAMS, c.call("no-such-tool", {}))


async def errors_of_guests(c):
    for name, arguments, words, stop in [
        ("dates", {"date": "2023-02-29"}, ['"2023-02-29"', "01 to 28"], "failed"),
        ("jsonquery", {"path": "/a/7", "doc": {"a": [1]}}, ["no such value", "/a/7"], "status"),
        ("calc", {"input": '{"expr":"1 +"}'}, ["expected a number"], "status"),
        ("throw", {"input": "grün"}, ['cannot handle "grün"'], "aborted"),
        ("hog", {"input": ""}, ["memory"], "memory"),
        ("flood", {"input": ""}, ["output"], "output"),
    ]:
        result = await c.call(name, arguments)
        equal(f"{name}: is an error", result.is_error, True)
        equal(f"{name}: nothing structured", result.structured_content, None)
        for word in words:
            that(f"{name}: says {word}", word in text(result), text(result))
        reason = json.dumps(result.meta["belljar/stop"]).lower()
        that(f"{name}: the reason as data", stop in reason, reason)
        that(f"{name}: a short answer", len(text(result)) < 20_000, len(text(result)))


async def logs(c):
    async def clipped():
        c.logs.clear()
        await c.call("dates", {"date": "2024-01-31", "add": {"months": 1}})
        await anyio.sleep(0.2)
        return [(log.level, log.logger, log.data) for log in c.logs]

    words = "2024-02-29 is the last day of its month, which has no day 31"
    if c.era == "legacy":
        await c.client.set_logging_level("debug")
    equal("a message", await clipped(), [("info", "dates", words)])
    if c.era == "legacy":
        await c.client.set_logging_level("warning")
        equal("no message below the level", await clipped(), [])
        await c.client.set_logging_level("debug")


async def idle(c, what):
    """Nothing that was cancelled goes on: within some seconds the server uses no processor any more."""
    for _ in range(5):
        before = server.seconds_used(c.pid)
        await anyio.sleep(1)
        used = server.seconds_used(c.pid) - before
        if used < 0.1:
            break
    that(f"{what}: the processor is idle", used < 0.1, f"{used} s of 1 s")
    result = await c.call("dates", {"date": "2000-01-01"})
    equal(f"{what}: the next call", result.structured_content["weekday"], "Saturday")


async def cancelling(c):
    notes = []

    async def on_progress(progress, total, _message):
        notes.append((progress, total))

    with anyio.move_on_after(30) as scope:
        async with anyio.create_task_group() as group:
            async def watch():
                while len(notes) < 3:
                    await anyio.sleep(0.02)
                # While one runs, others are answered.
                with anyio.fail_after(5):
                    result = await c.call("dates", {"date": "2000-01-01"})
                equal("a call beside it", result.structured_content["weekday"], "Saturday")
                group.cancel_scope.cancel()

            group.start_soon(watch)
            await c.call("loop", {"input": ""}, progress_callback=on_progress)
            that("the loop", False, "has ended")
    equal("cancelled by the caller", scope.cancelled_caught, False)
    fuel = [progress for progress, _ in notes]
    that("progress grows", fuel == sorted(set(fuel)) and fuel[0] > 0, notes)
    equal("progress has an end", {total for _, total in notes}, {float(server.FUEL)})
    await idle(c, "cancelled")

    call = c.call("loop", {"input": ""}, read_timeout_seconds=0.5)
    await refused("given up by the client", types.REQUEST_TIMEOUT, call)
    await idle(c, "given up")

    # More of them than may run at once: those that wait are cancelled too, and leave no place taken.
    with anyio.move_on_after(1):
        async with anyio.create_task_group() as group:
            for _ in range(12):
                group.start_soon(c.call, "loop", {"input": ""})
    await idle(c, "twelve cancelled")


async def side_by_side(c):
    found = {}

    async def ask(day):
        result = await c.call("dates", {"date": "2024-01-01", "add": {"days": day}})
        found[day] = result.structured_content["day_of_year"]

    async with anyio.create_task_group() as group:
        for day in range(100):
            group.start_soon(ask, day)
    equal("a hundred calls at once", found, {day: day + 1 for day in range(100)})


async def cost_and_receipt(c):
    arguments = {"add": {"months": 1}, "date": "2024-01-31"}
    first, second = [await c.call("dates", arguments) for _ in range(2)]
    that("fuel", 10_000 < first.meta["belljar/fuel"] < 200_000, first.meta)
    equal("the same fuel again", second.meta["belljar/fuel"], first.meta["belljar/fuel"])
    equal("the same receipt again", second.meta["belljar/receipt"], first.meta["belljar/receipt"])
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(first.meta["belljar/receipt"], file)
        file.flush()
        given = json.dumps(arguments, separators=(",", ":"))
        command = [server.BELLJAR, "verify", file.name, c.folder / "dates.wasm", "--input-text", given]
        verified = subprocess.run(command, capture_output=True, text=True)
    equal("anyone can check the receipt", (verified.returncode, verified.stderr), (0, ""))
    failed = await c.call("dates", {"date": "2023-02-29"})
    that("a failure has a receipt too", isinstance(failed.meta["belljar/receipt"], dict), failed.meta)


async def other_files(c):
    async with AsyncExitStack() as stack:
        if c.era == "auto":
            # Newer clients ask for it.
            listening = await stack.enter_async_context(c.client.listen(tools_list_changed=True))
            group = await stack.enter_async_context(anyio.create_task_group())

            async def listen():
                async for _ in listening:
                    c.on_change()

            group.start_soon(listen)
            stack.callback(group.cancel_scope.cancel)
        await changing(c)


async def changing(c):
    before = await c.names()
    file = c.folder / "wordcount.wasm"

    def put(source):
        # As careful writers do, so that nobody sees half of it.
        shutil.copy(source, c.folder / "next")
        os.replace(c.folder / "next", file)

    await c.wait_for_change(lambda: put(server.GUESTS / "wordcount.wasm"))
    equal("a file more", await c.names(), sorted([*before, "wordcount"]))
    equal("it can be called", text(await c.call("wordcount", {"input": "one two\n"})), "1 2 8\n")
    # One that is not what its name says: the old tool is gone, and the others go on.
    await c.wait_for_change(lambda: file.write_bytes(b"\0asm\1\0\0\0 and no more"))
    equal("a broken file", await c.names(), before)
    await c.wait_for_change(lambda: put(server.GUESTS / "upper-c.wasm"))
    equal("a file that is whole again", text(await c.call("wordcount", {"input": "x"})), "X")
    changes = c.changes
    file.touch()
    (c.folder / "notes.txt").write_text("no tool")
    await anyio.sleep(2.5)
    equal("nothing to tell of", c.changes, changes)
    await c.wait_for_change(file.unlink)
    equal("a file less", await c.names(), before)
    # What is replaced while it runs goes on as it was.
    async with anyio.create_task_group() as group:
        group.start_soon(c.call, "loop", {"input": ""})
        await anyio.sleep(0.3)
        await c.wait_for_change(lambda: shutil.copy(server.GUESTS / "upper-c.wasm", c.folder / "loop.wasm"))
        equal("the new one beside it", text(await c.call("loop", {"input": "new"})), "NEW")
        group.cancel_scope.cancel()


async def too_much_asked_for():
    """A tool that is given less than it requires is not there; who calls it is told why, and not what to add."""
    async with connected("stdio", "auto", fuel=999_999) as c:
        names = await c.names()
        equal("others are there", names, sorted(server.PLAIN))
        message = await refused("is not there", types.INVALID_PARAMS, c.call("dates", {"date": "2000-01-01"}))
        that("says what it lacks", "`limits.fuel`" in message, message)
        that("leaves advice to the operator", "[tools.dates]" not in message, message)


PARTS = [
    greeting, listing, answers, wrong_arguments, errors_of_guests, logs, cancelling, side_by_side, cost_and_receipt,
    other_files,
]


async def main():
    for transport in ("stdio", "http"):
        for era in ERAS:
            with part(f"{transport}, {ERAS[era]}: connection"):
                async with connected(transport, era) as c:
                    for check in PARTS:
                        name = check.__name__.replace("_", " ")
                        with part(f"{transport}, {ERAS[era]}: {name}"):
                            await check(c)
    with part("a tool that asks for too much"):
        await too_much_asked_for()
    checks.end()


if __name__ == "__main__":
    anyio.run(main)
