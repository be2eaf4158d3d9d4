/*
 * Runs a command to which the kernel refuses some system calls with an error, as systemd's filters and containers do.
 * Compiled with -DCALLS=SYS_one,SYS_other -DERROR=EPERM, and -DFIRST=1 if only calls with that first argument are meant.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD(FIELD) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, FIELD))
#define UNLESS(VALUE, SKIPPED) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, VALUE, 0, SKIPPED)
#define RETURN(RESULT) BPF_STMT(BPF_RET | BPF_K, RESULT)

int main(int argc, char **argv)
{
	static const int calls[] = { CALLS };
	enum { COUNT = sizeof(calls) / sizeof(*calls), EACH = 5 };
	struct sock_filter filter[EACH * COUNT + 1];
	struct sock_fprog program = { EACH * COUNT + 1, filter };

	for (int i = 0; i < COUNT; i++) {
		struct sock_filter *step = filter + EACH * i;
		step[0] = (struct sock_filter)LOAD(nr);
		step[1] = (struct sock_filter)UNLESS(calls[i], 3);
#ifdef FIRST
		step[2] = (struct sock_filter)LOAD(args[0]);
		step[3] = (struct sock_filter)UNLESS(FIRST, 1);
#else
		step[2] = step[3] = (struct sock_filter)LOAD(nr);
#endif
		step[4] = (struct sock_filter)RETURN(SECCOMP_RET_ERRNO | ERROR);
	}
	filter[EACH * COUNT] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
	if (argc < 2 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		return perror("denied"), 1;
	execvp(argv[1], argv + 1);
	return perror(argv[1]), 1;
}
