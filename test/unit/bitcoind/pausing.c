// Stands in for bitcoind: takes any arguments, starts a second thread if $THREAD is set, prints "ready" and stays. SIGUSR1 turns it into the program $NEXT; SIGUSR2 makes it fork, as a
// daemonising bitcoind does, and print the child's pid.
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static volatile sig_atomic_t received;

static void keep(int signal)
{
	received = signal;
}

static void *wait_for_ever(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void start_thread(void)
{
	sigset_t all;
	pthread_t thread;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	pthread_create(&thread, NULL, wait_for_ever, NULL);
	pthread_sigmask(SIG_UNBLOCK, &all, NULL);
}

int main(int argc, char **argv)
{
	(void)argc;
	signal(SIGUSR1, keep);
	signal(SIGUSR2, keep);
	if (getenv("THREAD"))
		start_thread();
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
