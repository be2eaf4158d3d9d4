// Stands in for bitcoind: takes any arguments, prints "ready" and stays. SIGUSR1 turns it into the program $NEXT; SIGUSR2 makes it fork, as a
// daemonising bitcoind does, and print the child's pid.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static volatile sig_atomic_t received;

static void keep(int signal)
{
	received = signal;
}

int main(int argc, char **argv)
{
	(void)argc;
	signal(SIGUSR1, keep);
	signal(SIGUSR2, keep);
	puts("ready");
	fflush(stdout);
	for (;;) {
		pause();
		if (received == SIGUSR1)
			execv(getenv("NEXT"), argv);
		pid_t child = received == SIGUSR2 ? fork() : 0;
		if (child) {
			printf("%d\n", child);
			fflush(stdout);
		}
		received = 0;
	}
}
