//! The one integration-test binary.

mod calls;
mod config;
mod determinism;
mod docs;
mod engine;
mod fixture;
mod guests;
mod host_functions;
mod instance;
mod random;
mod tracing;
mod variants;

mod smoke {
    use belljar::{Config, Sandbox};

    #[test]
    fn a_module_runs() {
        let sandbox = Sandbox::new(Config::default()).unwrap();
        let module = sandbox.load_text("(module (func (export \"_start\")))").unwrap();
        assert_eq!(sandbox.run(&module, b"").unwrap().status, 0);
    }
}
