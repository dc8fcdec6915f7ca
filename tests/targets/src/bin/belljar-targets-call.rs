//! Calls an export of a module: `belljar-targets-call FILE NAME [i32:NUMBER]...` prints its results, or why there are
//! none.

use std::{env, fs};

use belljar::{Config, Error, ModuleError, Sandbox, Value};

fn main() {
    let [path, name, arguments @ ..] = &env::args().skip(1).collect::<Vec<_>>()[..] else { panic!("FILE NAME") };
    let argument = |text: &String| Value::I32(text.strip_prefix("i32:").unwrap().parse().unwrap());
    let arguments: Vec<_> = arguments.iter().map(argument).collect();
    let sandbox = Sandbox::new(Config::default()).unwrap();
    let run = sandbox
        .load_text(&fs::read_to_string(path).unwrap())
        .and_then(|module| sandbox.start_call(&module, name, &arguments, b"", ()))
        .and_then(|mut run| run.finish());
    match run {
        Ok(outcome) => println!("{}", outcome.results.iter().map(Value::to_string).collect::<Vec<_>>().join(", ")),
        Err(Error::Module(error)) if matches!(*error, ModuleError::Unsupported { .. }) => println!("refused"),
        Err(Error::Stopped(stopped)) => println!("{}", stopped.reason),
        Err(error) => println!("{error}"),
    }
}
