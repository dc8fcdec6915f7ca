# Archives of registries, for scripts that source this: fetched by the registry's own client, and unpacked, while no script
# of a package is run. `fail MESSAGE` is the script's.

# archive CLIENT PACKAGE FOLDER: has the client of the registry fetch it.
archive() {
    case $1 in
        pip) python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$3" "$2" ;;
        npm) (cd "$3" && npm pack --ignore-scripts --silent "$2" >/dev/null) ;;
        *) fail "\`$1\` is no client known here" ;;
    esac || fail "$1 cannot fetch $2"
}

# unpack CLIENT ARCHIVE FOLDER
unpack() {
    case $1 in
        pip) python3 -m zipfile -e "$2" "$3" ;;
        npm) tar -xzf "$2" -C "$3" --strip-components=1 ;;
    esac
}
