const std = @import("std");

pub fn main(init: std.process.Init) !void {
    const arena = init.arena.allocator();
    var buffer: [4096]u8 = undefined;
    var stdout = std.Io.File.stdout().writer(init.io, &buffer);
    const out = &stdout.interface;

    for ((try init.minimal.args.toSlice(arena))[1..]) |argument| try out.print("{s}\n", .{argument});
    try out.print("TEA={s}\n", .{init.environ_map.get("TEA") orelse ""});

    const shop = (init.preopens.get("/shop") orelse return error.NoShop).dir;
    const menu = try shop.readFileAlloc(init.io, "menu.txt", arena, .unlimited);
    try out.writeAll(menu);
    try out.flush();
    try shop.writeFile(init.io, .{ .sub_path = "made.txt", .data = try std.ascii.allocUpperString(arena, menu) });
}
