//! What stands below the options in `--help`.

/// Of `run`.
pub const RUN: &str = "\
Examples:
  belljar run tool.wasm < input.json > output.json
  belljar run tool.wasm --input-text 'hello' --fuel-limit 10M --memory-limit 16MiB --metrics
  belljar run math.wasm -e add -- 2 -3
  belljar run --env LANG=C --exit-with-guest program.wasm -- --verbose in.txt
  belljar run --allow-read data --record run.jsonl program.wasm && belljar run --replay run.jsonl program.wasm
  belljar run --text hello.wat --format json
  belljar run tool.wasm --preset minimal --plan
  curl -s https://example.org/tool.wasm | belljar run - --input input.json

Arguments of -e: i32 and i64 in decimal or 0x hex, of either sign; f32 and f64 in decimal, inf,
-inf, nan or nan:0x… with all bits; v128 as 0x and up to 32 hex digits.

Numbers: SIZE is 65_536, 64KiB, 64MiB or 1GiB, and 64KB or 64MB with a thousand for a K; TIME is
500ms, 10s, 1m or 1h; NUMBER is 1_000_000, 500K, 10M or 1G.

Precedence: defaults, then the profile and the preset, then the configuration file, then options.";

/// Of `map`.
pub const MAP: &str = "\
Examples:
  belljar map tool.wasm < inputs.jsonl > outputs.jsonl
  belljar map tool.wasm --input inputs.jsonl -o outputs.jsonl --resume --keep-going
  belljar map tool.wasm --format json --threads 4 < inputs.txt | jq -r 'select(.status == 0) | .output'

Each line, without its line feed, is the input of a run of its own; the lines that come out are in the
order of those that went in, and the same for any number of threads. A line is the output without the
line feed at its end; a JSON document on several lines is put on one. Any other output of several lines
is an error: with --format json each line is a record {\"line\", \"end\", \"status\", \"output\", \"fuel\"}, where
output is a text, or {\"base64\": …} where it is not UTF-8; and with \"log\" if there is one, and of a run
that was stopped with \"reason\" and \"message\".

The first line that fails ends it, and is told. With --keep-going its line is
{\"error\": {\"line\", \"message\", \"reason\"}}, or the record, and the number of them is told at the end.

Exit status:
  0  all lines have their output, also if the reader of stdout closed it
  1  a run was stopped, or its output was none; or Ctrl-C, after which what is written is whole lines
  2  usage, configuration or I/O; or a line is too long, or what was begun cannot be gone on with
  3  the module was refused, or has no entry function to run";

/// Of `completions`.
pub const COMPLETIONS: &str = "\
Examples:
  belljar completions bash > ~/.local/share/bash-completion/completions/belljar
  belljar completions fish > ~/.config/fish/completions/belljar.fish";

/// Of `man`.
pub const MAN: &str = "\
Examples:
  belljar man > belljar.1
  belljar man run > belljar-run.1";

/// Of `validate`.
pub const VALIDATE: &str = "\
Examples:
  belljar validate tool.wasm
  belljar validate --profile large plugins/*.wasm
  belljar validate --text --format json hello.wat

The JSON document is {\"modules\": […]} with {\"file\", \"ok\": true, \"size_bytes\", \"functions\"} or
{\"file\", \"ok\": false, \"error\": {\"phase\", \"message\", \"hint\", \"cause\", …}} for each.";

/// Of `validate`, its exit status.
pub const VALIDATE_EXIT: &str = "\
Exit status:
  0  all modules would load
  2  usage or configuration; or a file could not be read
  3  all files were read, and a module was refused";

/// Of `inspect`.
pub const INSPECT: &str = "\
Examples:
  belljar inspect tool.wasm
  belljar inspect --format json tool.wasm | jq .powers

A module whose imports are not provided here is shown all the same; they are marked.

The JSON document has file, powers, missing_imports, size_bytes, name, imports, exports, memories,
tables, functions, globals, data_segments, data_bytes, element_segments, start_function and
custom_sections.";

/// Of `inspect`, its exit status.
pub const INSPECT_EXIT: &str = "\
Exit status:
  0  done
  2  usage, configuration or I/O
  3  the module was refused: malformed, invalid, or beyond the module limits";

/// Of `verify`.
pub const VERIFY: &str = "\
Examples:
  belljar run tool.wasm --input input.json --receipt receipt.json
  belljar verify receipt.json tool.wasm --input input.json
  belljar verify receipt.json program.wasm --file /in.txt=in.txt
  belljar verify receipt.json program.wasm --transcript run.jsonl
  belljar verify receipt.json tool.wasm --ceiling belljar.toml

Configuration and arguments are the receipt's. A run with something of the host is checked with its
transcript, and nothing of the host is asked. A run that a deadline or Ctrl-C ended is run again until
there, and no run beyond the fuel that the receipt says.

The JSON document is {\"receipt_sha256\", \"differences\": [{\"field\", \"receipt\", \"found\"}]}.

Exit status:
  0  the same
  1  something is not what the receipt says
  2  usage or I/O; or the receipt cannot be checked: it is none, above the ceiling, of another engine or
     price list, or of a run that its host ended
  3  the module was not assembled from its text";

/// Of `mcp`.
pub const MCP: &str = "\
Examples:
  belljar mcp tools/
  belljar mcp convert.wasm markdown.wasm --fuel-limit 100M --jobs 4
  belljar mcp tools/ --config belljar.toml --listen 127.0.0.1:8080

A client such as an agent starts it by itself: {\"command\": \"belljar\", \"args\": [\"mcp\", \"tools/\"]}.

Options and configuration grant tools what their manifests ask for. A file that cannot be a tool, or is
refused something it requires, is told on stderr, and the others are served. What changes in a directory
is served within seconds; calls that run go on with what they have.

Exit status:
  0  the client is gone, or a signal has ended it
  2  usage, configuration or I/O";

/// Of `serve`.
pub const SERVE: &str = "\
Examples:
  belljar serve tool.wasm
  belljar serve tool.wasm --listen 0.0.0.0:80 --metrics-listen 127.0.0.1:9090 --timeout 2s
  belljar serve markdown.wasm --exchange body --content-type 'text/html; charset=utf-8'
  belljar serve --allow-read data program.wasm --jobs 4 --queue 100 --log-format json

Each request is a run of its own. With --exchange http the input is `POST /path?query HTTP/1.1`, a
line for each header, an empty line and the body; the output is `Status: 201`, if it is not 200, a
line for each header, an empty line and the body, as CGI has it. With json it is {\"method\", \"path\",
\"query\", \"headers\", \"body\"} and {\"status\", \"headers\", \"body\"}, where bytes that are no text are
\"body_base64\". With body it is the bodies alone.

A guest that is stopped is a 500, by its deadline a 504; what is no answer a 502; what is too much for
the queue a 503. SIGTERM or Ctrl-C lets what has come be answered, for --grace; twice ends it at once.

Exit status:
  0  told to stop
  2  usage, configuration or I/O
  3  the module was refused, or has no entry function to run";

/// Of `selftest`.
pub const SELFTEST: &str = "\
Examples:
  belljar selftest --metrics
  belljar selftest fuel memory

The JSON document is {\"checks\": […]} with {\"name\", \"does\", \"tests\", \"expected\", \"ended\",
\"holds\"} for each, and with --metrics \"wall_ms\" and \"memory_bytes\".

Exit status:
  0  all ended as they have to
  1  one of them did not
  2  usage";

/// Of `pack`.
pub const PACK: &str = "\
Examples:
  belljar pack tool.wasm --manifest tool.toml -o tool.wasm
  belljar pack --text tool.wat --manifest tool.toml -o tool.wasm

A manifest that the module has already is replaced. The least that one holds:

  name = \"upper\"
  description = \"Writes a text in capital letters.\"

and beside these version, title, args, input and output (JSON Schemas), requires and optional (keys as in
belljar.toml), examples.

Exit status:
  0  done
  2  usage or I/O; or the manifest is none
  3  the module was refused: malformed or invalid";

/// Of `manifest`.
pub const MANIFEST: &str = "\
Examples:
  belljar manifest tool.wasm > tool.toml
  belljar manifest --format json tool.wasm | jq .input

Exit status:
  0  done
  2  usage or I/O; or the module has no manifest
  3  the manifest, or the module, is none";

/// Of `plan`.
pub const PLAN: &str = "\
Examples:
  belljar plan tool.wasm
  belljar plan --config belljar.toml --format json tool.wasm | jq .missing

What is given is the least of what the manifest asks for, what is granted - by the keys of belljar.toml and
the options to all tools, by its sections [tools.NAME] and [tools.\"sha256:HEX\"] to one - and the section
[ceiling]. A tool without a manifest asks for whatever it is granted.

The JSON document has file, tool, sha256, pinned, lines, missing and config.

Exit status:
  0  the tool can be run
  2  usage, configuration or I/O
  3  it cannot: it requires what it is not granted, it is not the module that is pinned, or its manifest is
     none";

/// Of `check`.
pub const CHECK: &str = "\
Examples:
  belljar check tool.wasm
  belljar check --format json tool.wasm | jq '.examples[] | select(.ok | not)'

Inputs and outputs are checked against the schemas of the manifest, too.

The JSON document has tool, sha256 and examples, with number, description, ok, fuel, expected, found and
error for each.

Exit status:
  0  all examples came out as they have to, or there are none
  1  one of them did not
  2  usage, configuration or I/O
  3  the tool cannot be run";
