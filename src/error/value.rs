//! Values of configurations that are not valid.

use super::label::labels;

labels! {
    /// Type of a value in TOML, or types that are valid in its place.
    pub enum ValueKind {
        /// A string.
        String = "string",
        /// An integer.
        Integer = "integer",
        /// A float.
        Float = "float",
        /// A boolean.
        Boolean = "boolean",
        /// A date or a time.
        Datetime = "datetime",
        /// An array.
        Array = "array",
        /// A table.
        Table = "table",
        /// An array of strings.
        Strings = "array of strings",
        /// An array of tables.
        Tables = "array of tables",
        /// The bytes of a file: a string, or a table with hexadecimal digits.
        FileBytes = "string or { hex = \"…\" }",
        /// A schema: a table, a boolean, or a string of JSON.
        Schema = "table, boolean or string of JSON",
        /// A value that JSON has, too.
        JsonValue = "a value that JSON has too: no dates, no `inf`, no `nan`",
    }
}

labels! {
    /// Reason why a value of the right type is invalid.
    pub enum ValueProblem {
        /// The text has a byte 0.
        Zero = "expected text without 0",
        /// The name of an environment variable is empty or has a `=`.
        VariableName = "expected names that are not empty and have no `=`",
        /// The arguments or environment variables have more than 1 MiB.
        StringsTooLong = "expected at most 1 MiB",
        /// The path of a file is not absolute, not in its shortest form, or too long.
        FilePath = "expected an absolute path without `.`, `..`, `//` and 0, of at most 1,024 bytes",
        /// The path of a directory has bytes.
        DirectoryWithBytes = "a path that ends in `/` is a directory, which has no bytes",
        /// A file and a directory have the same path.
        FileAndDirectory = "a file and a directory cannot have the same path",
        /// The files are more than `limits.files`.
        TooManyFiles = "these are more than `limits.files` admits",
        /// The files are larger than `limits.file_bytes`.
        FilesTooLarge = "these are larger than `limits.file_bytes` admits",
        /// There are more than 1,000 rules for HTTP requests.
        TooManyRules = "expected at most 1,000 rules",
        /// The text is not a rule for HTTP requests.
        Rule = "expected methods and the beginning of a URL, such as `GET,POST https://api.example.org/v1/`",
        /// A rule has no method.
        NoMethod = "expected at least one method",
        /// The host of a rule is not a name, an address or a pattern.
        HostPattern = "expected a name in ASCII, an address, `*.` and a name, or `*`",
        /// The port of a rule is 0.
        Port = "expected 1 to 65,535",
        /// The path of a rule is not the path of a URL.
        UrlPath = "expected a path from its `/`, without `.`, `..` and what is no path",
        /// The path on the host is empty or has a byte 0.
        HostPath = "expected the path of a directory",
        /// The path for the guest is not absolute, not in its shortest form, or too long.
        GuestPath = "expected an absolute path without `.`, `..`, `//`, 0 and `/` at its end, of at most 1,024 bytes",
        /// Two directories have the same path for the guest.
        GuestPathTwice = "another directory has the same path",
        /// A directory has a path for the guest at which there are files.
        GuestPathOfFiles = "`wasi.files` has files at this path",
        /// Directories of the host are not supported on this system.
        NotUnix = "directories of the host are supported on Unix only",
        /// There are more than 64 directories.
        TooManyDirectories = "expected at most 64 directories",
        /// An isolated run has no access to the host.
        Isolated = "an isolated run has no access to the host: its process cannot request it",
        /// A path that a manifest requests is not absolute or not in its shortest form.
        RequestedPath = "expected an absolute path without `.`, `..` and `//`",
        /// The name of a tool has other characters, or is too long.
        ToolName = "expected 1 to 64 of `a-z`, `A-Z`, `0-9`, `_`, `-` and `.`, and not `.` or `..`",
        /// The description of a tool is empty.
        NoDescription = "expected a text that says what the tool does",
        /// An example has a value and its JSON text.
        ValueTwice = "expected this or the value itself, not both",
        /// An example has no input.
        NoInput = "expected an `input`",
        /// The name of an entry of a policy is neither the name of a tool nor a digest.
        PolicyName = "expected the name of a tool, or `sha256:` and 64 hexadecimal digits in lower case",
        /// The digest is not a SHA-256 in lower case.
        Sha256 = "expected 64 hexadecimal digits in lower case",
    }
}
