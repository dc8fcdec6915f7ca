// The test client of Visual Studio Code debugs a guest, forwards and backwards.
//
// Needs BELLJAR, the program to be tested, and DAP_CLIENT, the folder of the client.

const assert = require("node:assert");
const { spawn } = require("node:child_process");
const { once } = require("node:events");
const path = require("node:path");
const { DebugClient } = require(process.env.DAP_CLIENT);

const explain = path.resolve(__dirname, "../../fixtures/explain");
const program = path.join(explain, "parser.wasm");
const source = path.join(explain, "parser.c");
const threadId = 1;

// A run that divides by zero at its third digit, and one that ends.
const trapped = { program, input: "1204" };
const ended = { program, input: "12" };

/** Debugs with a new client, and ends it. */
async function debug(run, ...options) {
  // What the client itself starts has one argument only.
  const adapter = spawn(process.env.BELLJAR, ["debug", "--dap", ...options], { stdio: ["pipe", "pipe", "inherit"] });
  const exit = once(adapter, "exit");
  const client = new DebugClient("", "", "belljar");
  client.connect(adapter.stdout, adapter.stdin);
  client.defaultTimeout = 60_000;
  try {
    await run(client);
    await client.disconnectRequest();
    assert.deepStrictEqual(await exit, [0, null]);
  } finally {
    adapter.kill();
  }
}

/** Launches with breakpoints; `set` sets them. */
async function launched(client, args, set = async () => {}) {
  const capabilities = await client.initializeRequest();
  const initialized = client.waitForEvent("initialized");
  await client.launchRequest(args);
  await initialized;
  await set(client);
  const stopped = client.waitForEvent("stopped");
  await client.configurationDoneRequest();
  return { capabilities: capabilities.body, stopped: (await stopped).body };
}

/** Makes a request, and returns the event that it leads to. */
async function then(client, request, event = "stopped") {
  const [{ body }] = await Promise.all([client.waitForEvent(event), request()]);
  return body;
}

/** The function and the line of the innermost frames. */
async function place(client, frames = 1) {
  const { body } = await client.stackTraceRequest({ threadId });
  return body.stackFrames.slice(0, frames).map((frame) => `${frame.name}:${frame.line}`).join(" ");
}

const checks = {
  async "stops at a breakpoint of a line"() {
    await debug((client) => client.hitBreakpoint(trapped, { path: source, line: 19 }, { path: source, line: 19 }));
  },

  async "says what it can"() {
    await debug(async (client) => {
      const { capabilities, stopped } = await launched(client, { ...ended, stopOnEntry: true });
      for (const name of ["StepBack", "SteppingGranularity", "FunctionBreakpoints", "DataBreakpoints",
        "InstructionBreakpoints", "ReadMemoryRequest", "DisassembleRequest", "RestartRequest"])
        assert.strictEqual(capabilities[`supports${name}`], true, name);
      assert.strictEqual(stopped.reason, "entry");
      assert.strictEqual(await place(client), "execute:44");
      const { body } = await client.threadsRequest();
      assert.deepStrictEqual(body.threads, [{ id: threadId, name: "guest" }]);
    });
  },

  async "goes forwards and backwards"() {
    await debug(async (client) => {
      const set = (client) => client.setFunctionBreakpointsRequest({ breakpoints: [{ name: "digit" }] });
      const { stopped } = await launched(client, trapped, set);
      assert.strictEqual(stopped.reason, "function breakpoint");
      assert.strictEqual(await place(client, 3), "digit:17 term:30 expression:35");
      await then(client, () => client.nextRequest({ threadId }));
      assert.strictEqual(await place(client), "digit:19");
      await then(client, () => client.stepBackRequest({ threadId }));
      assert.strictEqual(await place(client), "digit:17");
      await then(client, () => client.stepBackRequest({ threadId }));
      assert.strictEqual(await place(client), "term:30");
      await then(client, () => client.stepInRequest({ threadId }));
      await then(client, () => client.stepOutRequest({ threadId }));
      assert.strictEqual(await place(client), "term:30");

      const innermost = await client.stackTraceRequest({ threadId, levels: 1 });
      const before = innermost.body.stackFrames[0].instructionPointerReference;
      await then(client, () => client.nextRequest({ threadId, granularity: "instruction" }));
      await then(client, () => client.stepBackRequest({ threadId, granularity: "instruction" }));
      const after = await client.stackTraceRequest({ threadId, levels: 1 });
      assert.strictEqual(after.body.stackFrames[0].instructionPointerReference, before);

      const second = await then(client, () => client.continueRequest({ threadId }));
      assert.strictEqual(second.reason, "function breakpoint");
      const first = await then(client, () => client.reverseContinueRequest({ threadId }));
      assert.strictEqual(first.reason, "function breakpoint");
      const entry = await then(client, () => client.reverseContinueRequest({ threadId }));
      assert.strictEqual(entry.reason, "entry");
    });
  },

  async "shows variables and expressions"() {
    await debug(async (client) => {
      const set = (client) => client.setFunctionBreakpointsRequest({ breakpoints: [{ name: "digit" }] });
      await launched(client, trapped, set);
      const { body: { stackFrames: [frame, caller] } } = await client.stackTraceRequest({ threadId });
      const { body: { scopes } } = await client.scopesRequest({ frameId: frame.id });
      assert.deepStrictEqual(scopes.map((scope) => scope.name), ["Locals", "Globals"]);
      const values = async (scope, more) => {
        const { body } = await client.variablesRequest({ variablesReference: scope.variablesReference, ...more });
        return body.variables.map((variable) => variable.value);
      };
      assert.deepStrictEqual(await values(scopes[0]), ["1048576", "100"]);
      assert.deepStrictEqual(await values(scopes[0], { format: { hex: true } }), ["0x100000", "0x64"]);
      assert.strictEqual((await values(scopes[1])).length, 1);
      const evaluate = async (expression, context, frameId) =>
        (await client.evaluateRequest({ expression, context, frameId })).body.result;
      assert.strictEqual(await evaluate("1", "hover", frame.id), "100");
      assert.strictEqual(await evaluate("0", "watch", caller.id), "1048576");
      assert.match(await evaluate("bt", "repl"), /digit[^]*term[^]*expression[^]*execute/);
      await assert.rejects(evaluate("no_such_name", "watch", frame.id));
      const stopped = await then(client, () => evaluate("goto end", "repl"));
      assert.strictEqual(stopped.reason, "exception");
    });
  },

  async "reads and watches memory"() {
    await debug(async (client) => {
      const watch = async (client) => {
        const info = await client.dataBreakpointInfoRequest({ name: "0x100000", asAddress: true, bytes: 4 });
        assert.deepStrictEqual(info.body.accessTypes, ["write"]);
        const set = await client.setDataBreakpointsRequest({ breakpoints: [{ dataId: info.body.dataId }] });
        assert.strictEqual(set.body.breakpoints[0].verified, true);
      };
      const { stopped } = await launched(client, trapped, watch);
      assert.strictEqual(stopped.reason, "data breakpoint");
      assert.match(stopped.description, /00 00 00 00 → 31 32 30 34/);
      const read = async () => {
        const request = { memoryReference: "0x100000", offset: 0, count: 4 };
        return Buffer.from((await client.customRequest("readMemory", request)).body.data, "base64").toString("latin1");
      };
      assert.strictEqual(await read(), "1204");
      await then(client, () => client.stepBackRequest({ threadId, granularity: "instruction" }));
      assert.strictEqual(await read(), "\0\0\0\0");
      await then(client, () => client.continueRequest({ threadId }));
      await then(client, () => client.continueRequest({ threadId }));
      const back = await then(client, () => client.reverseContinueRequest({ threadId }));
      assert.strictEqual(back.reason, "data breakpoint");
      assert.strictEqual(await read(), "\0\0\0\0");
      const far = await client.customRequest("readMemory", { memoryReference: "0xffffffffffffffff", count: 9 });
      assert.deepStrictEqual([far.body.data, far.body.unreadableBytes], ["", 9]);
    });
  },

  async "disassembles, and stops at an operator"() {
    await debug(async (client) => {
      await launched(client, { ...trapped, stopOnEntry: true });
      const disassemble = async (args) => (await client.disassembleRequest(args)).body.instructions;
      const around = await disassemble({ memoryReference: "0x99", instructionOffset: -2, instructionCount: 5 });
      assert.strictEqual(around.length, 5);
      assert.deepStrictEqual([around[2].address, around[2].instruction, around[2].line], ["0x99", "i32.div_s", 19]);
      const outside = await disassemble({ memoryReference: "0x0", instructionOffset: -3, instructionCount: 400 });
      assert.strictEqual(new Set(outside.map((one) => one.address)).size, 400);
      const set = await client.customRequest("setInstructionBreakpoints", {
        breakpoints: [{ instructionReference: "0x99" }, { instructionReference: "0x9a" }],
      });
      assert.deepStrictEqual(set.body.breakpoints.map((one) => one.verified), [true, false]);
      const stopped = await then(client, () => client.continueRequest({ threadId }));
      assert.strictEqual(stopped.reason, "instruction breakpoint");
    });
  },

  async "has a trap as an exception, behind which it ends"() {
    await debug(async (client) => {
      const { stopped } = await launched(client, trapped);
      assert.strictEqual(stopped.reason, "exception");
      assert.strictEqual(stopped.text, "the guest trapped: integer divide by zero");
      assert.strictEqual(await place(client), "digit:19");
      const { body: { exceptionId } } = await client.exceptionInfoRequest({ threadId });
      assert.strictEqual(exceptionId, "trap");
      const [exited] = await Promise.all([
        client.waitForEvent("exited"), client.waitForEvent("terminated"), client.continueRequest({ threadId }),
      ]);
      assert.strictEqual(exited.body.exitCode, 1);
      const entry = await then(client, () => client.restartRequest({}));
      assert.strictEqual(entry.reason, "exception");
    });
  },

  async "ends where the run ends, with its output"() {
    await debug(async (client) => {
      const output = client.assertOutput("stdout", "-\\u{1}\\u{0}\\u{0}");
      const { stopped } = await launched(client, ended);
      await output;
      assert.match(stopped.description, /the run ends/);
      const exited = await then(client, () => client.nextRequest({ threadId }), "exited");
      assert.strictEqual(exited.exitCode, 0);
    });
    await debug(async (client) => {
      await client.initializeRequest();
      const events = ["terminated", "exited"].map((event) => client.waitForEvent(event));
      await client.launchRequest({ ...ended, stopOnEnd: false });
      await client.configurationDoneRequest();
      await Promise.all(events);
    });
  },

  async "says why a breakpoint cannot be set"() {
    await debug(async (client) => {
      const set = async (client) => {
        const lines = await client.setBreakpointsRequest({
          source: { path: source }, breakpoints: [{ line: 19 }, { line: 1 }, { line: 1000 }],
        });
        assert.deepStrictEqual(lines.body.breakpoints.map((one) => one.verified), [true, true, false]);
        assert.deepStrictEqual(lines.body.breakpoints.map((one) => one.line), [19, 17, undefined]);
        assert.ok(lines.body.breakpoints[2].message);
        const other = await client.setBreakpointsRequest({ source: { path: "/other.c" }, breakpoints: [{ line: 1 }] });
        assert.strictEqual(other.body.breakpoints[0].verified, false);
        const names = await client.setFunctionBreakpointsRequest({ breakpoints: [{ name: "digits" }] });
        assert.match(names.body.breakpoints[0].message, /digit/);
      };
      const { stopped } = await launched(client, trapped, set);
      assert.strictEqual(stopped.reason, "breakpoint");
    }, program);
  },

  async "answers what cannot be launched"() {
    await debug(async (client) => {
      await client.initializeRequest();
      await assert.rejects(client.launchRequest({}));
      await assert.rejects(client.launchRequest({ program: source }));
      await assert.rejects(client.launchRequest({ program, args: 5 }));
      await assert.rejects(client.customRequest("noSuchRequest"));
      await launched(client, { program, input: "1", stopOnEntry: true });
    });
  },
};

(async () => {
  let [passed, failed] = [0, 0];
  for (const [name, check] of Object.entries(checks)) {
    try {
      await check();
      passed += 1;
      console.log(`ok      ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED  ${name}\n${error.stack}`);
    }
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
})();
