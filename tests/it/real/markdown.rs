//! `@dprint/markdown`: a plugin that calls back for the code blocks in a text. They go to another plugin, in another instance.

use belljar::{Config, Context, HostError, Instance, Sandbox};

use super::{cases, dprint::Plugin, kept, twice, wasm};

/// What a run of the plugin has of its host.
struct Host {
    json: Plugin,
    /// What the plugin fetches next, by its length and then by a pointer.
    answer: Result<String, String>,
}

fn host<'a>(ctx: &'a mut Context<'_>) -> Result<&'a mut Host, HostError> {
    ctx.data_mut().ok_or_else(|| HostError::new("the data is a host"))
}

#[allow(clippy::too_many_arguments, reason = "the protocol's signature")]
#[rustfmt::skip]
fn host_format(
    ctx: &mut Context<'_>, path: u32, path_len: u32, _start: u32, _end: u32, _config: u32, _config_len: u32, text: u32, len: u32,
) -> Result<u32, HostError> {
    let (path, text) = (ctx.read_text(path, path_len)?, ctx.read_text(text, len)?);
    let host = host(ctx)?;
    host.answer = host.json.format(&path, &text);
    Ok(match &host.answer {
        Ok(formatted) => u32::from(*formatted != text),
        Err(_) => 2,
    })
}

fn answer_len(ctx: &mut Context<'_>) -> Result<u32, HostError> {
    let (Ok(text) | Err(text)) = &host(ctx)?.answer;
    Ok(text.len() as u32)
}

fn host_write_buffer(ctx: &mut Context<'_>, at: u32) -> Result<(), HostError> {
    let (Ok(text) | Err(text)) = host(ctx)?.answer.clone();
    ctx.write(at, text.as_bytes())
}

fn markdown() -> Instance {
    let sandbox = Sandbox::builder()
        .config(Config::default())
        .host_function("dprint", "host_format", host_format)
        .host_function("dprint", "host_get_formatted_text", answer_len)
        .host_function("dprint", "host_get_error_text", answer_len)
        .host_function("dprint", "host_write_buffer", host_write_buffer)
        .build()
        .unwrap();
    let host = Host { json: Plugin::new(kept("dprint-json"), cases::PLAIN), answer: Ok(String::new()) };
    sandbox.instance_with(&sandbox.load(&wasm("dprint-markdown")).unwrap(), host).unwrap()
}

#[test]
#[ignore = "needs the modules that tests/real/fetch.sh brings"]
fn code_in_markdown_goes_to_another_plugin() {
    for (text, expected) in [
        (
            "Title\n===\n* a\n* b\n\n```json\n{\"a\":[1,2]}\n```\n",
            "# Title\n\n- a\n- b\n\n```json\n{ \"a\": [1, 2] }\n```\n",
        ),
        ("```json\n{\"a\":\n```\n", "```json\n{\"a\":\n```\n"),
    ] {
        let found = twice("dprint-markdown", || {
            let mut plugin = Plugin::new(markdown(), cases::PLAIN);
            (plugin.format("a.md", text), plugin.0.usage())
        });
        assert_eq!(found.unwrap(), expected);
    }
}
