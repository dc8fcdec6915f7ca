//! `@dprint/json` and `@dprint/toml`: formatters that speak the plugin protocol of dprint, version 4. This is a host for them.

use belljar::Instance;

use super::{bytes, kept, twice, write};

pub struct Plugin(pub Instance);

impl Plugin {
    /// A plugin with a configuration, as JSON: what all plugins are told (`global`), and what this one is (`plugin`).
    pub fn new(instance: Instance, config: &str) -> Self {
        let mut plugin = Plugin(instance);
        assert_eq!(plugin.0.call::<(), u32>("dprint_plugin_version_4", ()).unwrap(), 4);
        plugin.send(config);
        plugin.0.call::<u32, ()>("register_config", 1).unwrap();
        plugin
    }

    fn send(&mut self, text: &str) {
        let at: u32 = self.0.call("clear_shared_bytes", text.len() as u32).unwrap();
        write(&mut self.0, at, text.as_bytes());
    }

    fn receive(&mut self, len: u32) -> String {
        let at: u32 = self.0.call("get_shared_bytes_ptr", ()).unwrap();
        String::from_utf8(bytes(&self.0, at, len).to_vec()).unwrap()
    }

    /// The text as it should be, or what is wrong with it.
    pub fn format(&mut self, path: &str, text: &str) -> Result<String, String> {
        self.send(path);
        self.0.call::<(), ()>("set_file_path", ()).unwrap();
        self.send(text);
        let answer = match self.0.call::<u32, u32>("format", 1).unwrap() {
            0 => return Ok(text.into()),
            1 => "get_formatted_text",
            _ => "get_error_text",
        };
        let len = self.0.call(answer, ()).unwrap();
        let text = self.receive(len);
        if answer == "get_formatted_text" { Ok(text) } else { Err(text) }
    }
}

#[test]
#[ignore = "needs the modules that tests/real/fetch.sh brings"]
fn plugins_format_and_complain() {
    for (name, config, path, text, expected, complaints) in super::cases::FORMATTED {
        let found = twice(&format!("{name} of {} bytes", text.len()), || {
            let mut plugin = Plugin::new(kept(name), config);
            let len = plugin.0.call("get_config_diagnostics", 1u32).unwrap();
            ((plugin.receive(len), plugin.format(path, text)), plugin.0.usage())
        });
        assert_eq!(found, (complaints.to_string(), expected.map(String::from).map_err(String::from)));
    }
}
