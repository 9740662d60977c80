/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What keeps a process in. All of it is system calls, since it runs between fork and exec, where a program with threads
 * may do nothing else. Numbers of calls come from the system; those of Landlock are the same on every Linux.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "code_run_internal.h"

#if defined(__linux__)
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* --- files: Landlock ------------------------------------------------------------------------------------------------
 */

enum {
    LANDLOCK_CREATE = 444,
    LANDLOCK_ADD = 445,
    LANDLOCK_RESTRICT = 446,
    LANDLOCK_ASK_VERSION = 1,
    LANDLOCK_BENEATH = 1
};

/* Rights over files that change something, as the versions of Landlock have them. */
#define LANDLOCK_WRITE_FILE ((uint64_t)1 << 1)
#define LANDLOCK_CHANGES (LANDLOCK_WRITE_FILE | (uint64_t)0x1ff << 4) /* remove and make, from the first version on */
#define LANDLOCK_REFER ((uint64_t)1 << 13)                            /* the second */
#define LANDLOCK_TRUNCATE ((uint64_t)1 << 14)                         /* the third */
#define LANDLOCK_IOCTL ((uint64_t)1 << 15)                            /* the fifth */

struct landlock_ruleset {
    uint64_t handled_files;
};

struct landlock_beneath {
    uint64_t allowed;
    int32_t fd;
} __attribute__((packed));

static bool allow_beneath(int ruleset, const char *path, uint64_t allowed) {
    struct landlock_beneath rule = {allowed, open(path, O_PATH | O_CLOEXEC)};
    const bool done = rule.fd >= 0 && syscall(LANDLOCK_ADD, ruleset, LANDLOCK_BENEATH, &rule, 0) == 0;
    if (rule.fd >= 0)
        (void)close(rule.fd);
    return done;
}

static bool confine_files(void) {
    const long version = syscall(LANDLOCK_CREATE, NULL, 0, LANDLOCK_ASK_VERSION);
    if (version < 1)
        return false;
    struct landlock_ruleset rules = {LANDLOCK_CHANGES};
    rules.handled_files |= version >= 2 ? LANDLOCK_REFER : 0;
    rules.handled_files |= version >= 3 ? LANDLOCK_TRUNCATE : 0;
    rules.handled_files |= version >= 5 ? LANDLOCK_IOCTL : 0;
    const int ruleset = (int)syscall(LANDLOCK_CREATE, &rules, sizeof rules, 0);
    if (ruleset < 0)
        return false;
    const bool done =
        allow_beneath(ruleset, ".", rules.handled_files) &&
        allow_beneath(ruleset, "/dev/null", rules.handled_files & (LANDLOCK_WRITE_FILE | LANDLOCK_TRUNCATE)) &&
        syscall(LANDLOCK_RESTRICT, ruleset, 0) == 0;
    (void)close(ruleset);
    return done;
}

/* --- calls: a filter ------------------------------------------------------------------------------------------------
 */

#if defined(__x86_64__)
#define FILTER_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define FILTER_ARCH AUDIT_ARCH_AARCH64
#endif

#ifdef FILTER_ARCH
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
#define ANSWER(value) BPF_STMT(BPF_RET | BPF_K, (value))
#define REFUSE(error) ANSWER(SECCOMP_RET_ERRNO | (error))
#define IF_CALL(call, then) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 1), then
#define NO(call) IF_CALL(SYS_##call, REFUSE(EPERM))
/* Refuses a call if an argument (its lower half: these machines are little-endian) has one of some bits. */
#define NO_IF_BITS(call, argument, bits)                                                                               \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 4), LOAD(args[argument]),                                       \
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (bits), 0, 1), REFUSE(EACCES), ANSWER(SECCOMP_RET_ALLOW)
/* Refuses a call unless an argument has a bit. */
#define NO_UNLESS_BITS(call, argument, bits)                                                                           \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 4), LOAD(args[argument]),                                       \
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (bits), 1, 0), REFUSE(EPERM), ANSWER(SECCOMP_RET_ALLOW)

static const struct sock_filter refuse_calls[] = {
    LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FILTER_ARCH, 1, 0),
    ANSWER(SECCOMP_RET_KILL),
    LOAD(nr),
#if defined(__x86_64__)
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1), /* the x32 numbers of the same calls */
    REFUSE(ENOSYS),
    NO(fork),
    NO(vfork),
    NO(chmod),
    NO(chown),
    NO(lchown),
    NO(utime),
    NO(utimes),
    NO(futimesat),
    NO(mknod),
    NO(ioperm),
    NO(iopl),
#endif
    /* processes: threads only, by the call whose flags can be looked at */
    NO_UNLESS_BITS(clone, 0, CLONE_THREAD),
    IF_CALL(435 /* clone3 */, REFUSE(ENOSYS)),
    /* network, and other ways to talk */
    NO(socket),
    NO(shmget),
    NO(msgget),
    NO(semget),
    NO(mq_open),
    IF_CALL(425 /* io_uring_setup */, REFUSE(ENOSYS)),
    /* other processes */
    NO(kill),
    NO(tkill),
    NO(tgkill),
    NO(rt_sigqueueinfo),
    NO(rt_tgsigqueueinfo),
    IF_CALL(424 /* pidfd_send_signal */, REFUSE(EPERM)),
    IF_CALL(434 /* pidfd_open */, REFUSE(EPERM)),
    IF_CALL(438 /* pidfd_getfd */, REFUSE(EPERM)),
    NO(ptrace),
    NO(process_vm_readv),
    NO(process_vm_writev),
    NO(setpriority),
    NO_IF_BITS(prlimit64, 0, 0xffffffff),
    /* files of others: what Landlock does not look at */
    NO(fchmod),
    NO(fchmodat),
    IF_CALL(452 /* fchmodat2 */, REFUSE(EPERM)),
    NO(fchown),
    NO(fchownat),
    NO(utimensat),
    NO(truncate),
    NO(setxattr),
    NO(lsetxattr),
    NO(fsetxattr),
    NO(removexattr),
    NO(lremovexattr),
    NO(fremovexattr),
    NO(mknodat),
    /* the system, for a caller who is its administrator */
    NO(mount),
    NO(umount2),
    NO(pivot_root),
    NO(chroot),
    NO(unshare),
    NO(setns),
    IF_CALL(428 /* open_tree */, REFUSE(EPERM)),
    IF_CALL(429 /* move_mount */, REFUSE(EPERM)),
    IF_CALL(430 /* fsopen */, REFUSE(EPERM)),
    IF_CALL(442 /* mount_setattr */, REFUSE(EPERM)),
    NO(swapon),
    NO(swapoff),
    NO(reboot),
    NO(kexec_load),
    NO(init_module),
    NO(finit_module),
    NO(delete_module),
    NO(settimeofday),
    NO(clock_settime),
    NO(adjtimex),
    NO(clock_adjtime),
    NO(sethostname),
    NO(setdomainname),
    NO(syslog),
    NO(acct),
    NO(quotactl),
    NO(bpf),
    NO(perf_event_open),
    NO(userfaultfd),
    NO(keyctl),
    NO(add_key),
    NO(request_key),
    NO(open_by_handle_at),
    ANSWER(SECCOMP_RET_ALLOW),
};

/* Asked as well where there is no Landlock. */
static const struct sock_filter refuse_writing[] = {
    LOAD(nr),
#if defined(__x86_64__)
    NO_IF_BITS(open, 1, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC),
    NO(creat),
    NO(rename),
    NO(unlink),
    NO(rmdir),
    NO(mkdir),
    NO(link),
    NO(symlink),
#endif
    NO_IF_BITS(openat, 2, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC),
    IF_CALL(437 /* openat2 */, REFUSE(ENOSYS)),
#ifdef SYS_renameat
    NO(renameat),
#endif
    NO(renameat2),
    NO(unlinkat),
    NO(mkdirat),
    NO(linkat),
    NO(symlinkat),
    ANSWER(SECCOMP_RET_ALLOW),
};

static bool install(const struct sock_filter *filter, size_t n) {
    const struct sock_fprog program = {(unsigned short)n, (struct sock_filter *)filter};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static uint32_t filter_calls(uint32_t layers, bool is_confined) {
    if ((layers & MLSEL_CODE_FILES) != 0 && !is_confined)
        is_confined = install(refuse_writing, MLSEL_ARRAY_LENGTH(refuse_writing));
    const bool is_filtered =
        (layers & MLSEL_CODE_CALLS) != 0 && install(refuse_calls, MLSEL_ARRAY_LENGTH(refuse_calls));
    return (is_filtered ? MLSEL_CODE_CALLS : 0) | (is_confined ? MLSEL_CODE_FILES : 0);
}
#else
static uint32_t filter_calls(uint32_t layers, bool is_confined) {
    (void)layers;
    return is_confined ? MLSEL_CODE_FILES : 0;
}
#endif

uint32_t mlsel_i_sandbox_enter(uint32_t layers, const code_limits *limits) {
    uint32_t have = 0;
    if ((layers & MLSEL_CODE_NETWORK) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC) == 0)
        have |= MLSEL_CODE_NETWORK;
    mlsel_i_limit(limits);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* after what changes credentials, which would undo it */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return have;
    const bool tries = (layers & MLSEL_CODE_FILES) != 0 && (layers & SANDBOX_WITHOUT_LANDLOCK) == 0;
    have |= filter_calls(layers, tries && confine_files()) | (layers & SANDBOX_WITHOUT_LANDLOCK);
    if ((have & MLSEL_CODE_CALLS) == 0)
        mlsel_i_limit_processes();
    return have;
}

#else /* not Linux */

uint32_t mlsel_i_sandbox_enter(uint32_t layers, const code_limits *limits) {
    (void)layers;
    mlsel_i_limit(limits);
    mlsel_i_limit_processes();
    return 0;
}

#endif
