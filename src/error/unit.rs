//! Units of configuration keys.

use super::label::labels;

labels! {
    /// Unit of a number: of a configuration key, or of a quantity that exceeds its limit.
    pub enum Unit {
        /// Units of fuel.
        Fuel = "fuel",
        /// Bytes.
        Bytes = "bytes",
        /// Elements of tables.
        Elements = "elements",
        /// Calls.
        Calls = "calls",
        /// Messages of a log.
        Messages = "messages",
        /// Names of files, directories and links.
        Names = "names",
        /// Descriptors of open files.
        Descriptors = "descriptors",
        /// Milliseconds.
        Milliseconds = "milliseconds",
        /// Nanoseconds since the start of 1970, in UTC.
        NanosecondsSince1970 = "ns since 1970",
        /// A seed of random bytes.
        Seed = "seed",
        /// Growths of memories and tables.
        Growths = "growths",
        /// HTTP requests.
        Requests = "requests",
        /// Redirects in a row.
        Redirects = "redirects",
        /// A port.
        Port = "port",
        /// Positions in a list of words.
        Words = "words",
        /// Bytes of all memories at instantiation.
        InitialMemoryBytes = "bytes of initial memory",
        /// Elements of all tables at instantiation.
        InitialTableElements = "initial table elements",
        /// Bytes of the text format.
        TextBytes = "bytes of text",
        /// Types of a module.
        Types = "types",
        /// Parameters of one function.
        Params = "parameters of a function",
        /// Results of one function.
        Results = "results of a function",
        /// Imports.
        Imports = "imports",
        /// Functions with a body.
        Functions = "functions",
        /// Bytes of one function body.
        BodyBytes = "bytes of one function body",
        /// Declared locals of one function.
        Locals = "locals of a function",
        /// Declared locals of all functions.
        LocalsTotal = "locals of all functions",
        /// Nested blocks.
        Nesting = "nested blocks",
        /// Units of the work of loading.
        LoadWork = "units of load work",
        /// Units of the work that is added to functions.
        FormWork = "units of work added to functions",
        /// Locals that are added to one function.
        FormLocals = "locals added to a function",
        /// Globals.
        Globals = "globals",
        /// Memories.
        Memories = "memories",
        /// Tables.
        Tables = "tables",
        /// Element segments.
        ElementSegments = "element segments",
        /// Items of all element segments.
        ElementItems = "items of element segments",
        /// Data segments.
        DataSegments = "data segments",
        /// Exports.
        Exports = "exports",
        /// Bytes of one name.
        NameBytes = "bytes of one name",
        /// Operators of one constant expression.
        ConstantOperators = "operators of a constant expression",
        /// Custom sections.
        CustomSections = "custom sections",
    }
}

impl Unit {
    /// Returns whether it counts bytes, of anything.
    pub fn is_bytes(self) -> bool {
        matches!(self, Unit::Bytes | Unit::InitialMemoryBytes | Unit::TextBytes | Unit::BodyBytes | Unit::NameBytes)
    }
}
