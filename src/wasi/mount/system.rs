//! Detection of kernel interface file systems, such as proc and sysfs, whose files query or control the kernel.

use std::os::fd::AsFd;

/// Magic numbers of such file systems in `linux/magic.h`: proc, sysfs, debugfs, tracefs, securityfs, both cgroups, bpf,
/// configfs, efivarfs, selinuxfs, smackfs, pstore, devpts, binfmt_misc, nsfs, fusectl,
/// resctrl.
#[cfg(any(target_os = "linux", target_os = "android"))]
const SYSTEM_MAGIC: [u32; 18] = [
    0x9fa0,
    0x6265_6572,
    0x6462_6720,
    0x7472_6163,
    0x7363_6673,
    0x0027_e0eb,
    0x6367_7270,
    0xcafe_4a11,
    0x6265_6570,
    0xde5e_81e4,
    0xf97c_ff8c,
    0x4341_5d53,
    0x6165_676c,
    0x1cd1,
    0x4249_4e4d,
    0x6e73_6673,
    0x6573_5543,
    0x0765_5821,
];

/// Returns whether a file is in such a file system, or its file system is unknown.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn is_system(file: impl AsFd) -> bool {
    rustix::fs::fstatfs(file).map_or(true, |found| SYSTEM_MAGIC.contains(&(found.f_type as u32)))
}

/// Returns `false`: other systems have such interfaces only as devices, which are never opened.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn is_system(_: impl AsFd) -> bool {
    false
}
