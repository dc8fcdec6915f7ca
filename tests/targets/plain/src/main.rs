//! Calls an export of a module in the engine alone, as it comes: `belljar-targets-plain FILE NAME [i32:NUMBER]...`
//! prints the first result.

use std::{env, fs};

use wasmi::{Engine, Linker, Module, Store, Val};

fn call(path: &str, name: &str, arguments: &[Val]) -> Result<Val, wasmi::Error> {
    let engine = Engine::default();
    // The text form is among the default features.
    let module = Module::new(&engine, fs::read(path).unwrap())?;
    let mut store = Store::new(&engine, ());
    let instance = Linker::new(&engine).instantiate_and_start(&mut store, &module)?;
    let mut results = [Val::I32(0)];
    instance.get_func(&store, name).unwrap().call(&mut store, arguments, &mut results)?;
    Ok(results[0].clone())
}

fn main() {
    let [path, name, arguments @ ..] = &env::args().skip(1).collect::<Vec<_>>()[..] else { panic!("FILE NAME") };
    let argument = |text: &String| Val::I32(text.strip_prefix("i32:").unwrap().parse().unwrap());
    let arguments: Vec<_> = arguments.iter().map(argument).collect();
    match call(path, name, &arguments) {
        Ok(Val::I32(value)) => println!("{value}"),
        Ok(Val::F32(value)) => println!("nan:{:#x}", value.to_bits()),
        Ok(other) => println!("{other:?}"),
        Err(error) => println!("{error}"),
    }
}
