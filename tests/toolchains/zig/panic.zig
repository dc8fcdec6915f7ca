pub fn main() void {
    @panic("out of tea");
}
