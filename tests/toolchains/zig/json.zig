const std = @import("std");

const Order = struct { name: []const u8, prices: []const f64 };

pub fn main(init: std.process.Init) !void {
    const gpa = init.gpa;
    var buffer: [4096]u8 = undefined;
    var stdin = std.Io.File.stdin().reader(init.io, &buffer);
    const text = try stdin.interface.allocRemaining(gpa, .unlimited);
    const order = try std.json.parseFromSlice(Order, gpa, text, .{});
    var sum: f64 = 0;
    for (order.value.prices) |price| sum += price;
    var out: [4096]u8 = undefined;
    var stdout = std.Io.File.stdout().writer(init.io, &out);
    try std.json.Stringify.value(.{ .name = order.value.name, .sum = sum }, .{}, &stdout.interface);
    try stdout.interface.writeByte('\n');
    try stdout.interface.flush();
}
