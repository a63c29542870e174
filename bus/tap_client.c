#include "bus/tap_client.h"

#include "bus/rundir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

enum { QUEUE = 1000, LOOK_MS = 1000 };

struct tap_client {
    void *zmq;
    tap_ear_t *ear;
    char run_dir[256];
};

/*  Is a process behind the socket? ZeroMQ itself waits for one without a word.  */
static bool
answers(const char *run_dir)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/tap.sock", run_dir);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool connected =
        fd >= 0 && connect(fd, (const struct sockaddr *) &address, sizeof address) == 0;
    if (fd >= 0)
        close(fd);
    return connected;
}

err_t
tap_client_open(const char *run_dir, tap_want_t want, tap_client_t **self_p, fault_t *fault)
{
    char endpoint[256];
    err_t err = rundir_endpoint(run_dir, "tap.sock", endpoint, sizeof endpoint, fault);
    if (err != OK)
        return err;
    if (!answers(run_dir))
        return fault_set(
            fault, ERR_OFFLINE,
            "no process has a tap in run directory %s; name another with --run-dir", run_dir);
    tap_client_t *self = mem_new(sizeof *self);
    snprintf(self->run_dir, sizeof self->run_dir, "%s", run_dir);
    self->zmq = zmq_ctx_new();
    self->ear = tap_ear_new(self->zmq, QUEUE);
    if (self->ear == NULL || tap_ear_connect(self->ear, endpoint) != OK) {
        err = fault_set(fault, ERR_IO, "%s: %s", endpoint, zmq_strerror(errno));
        tap_client_destroy(&self);
        return err;
    }
    tap_ear_want(self->ear, want);
    *self_p = self;
    return OK;
}

void
tap_client_destroy(tap_client_t **self_p)
{
    tap_client_t *self = *self_p;
    if (self == NULL)
        return;
    tap_ear_destroy(&self->ear);
    zmq_ctx_term(self->zmq);
    free(self);
    *self_p = NULL;
}

static int64_t
now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

err_t
tap_client_next(tap_client_t *self, int timeout_ms, const tap_record_t **record)
{
    int64_t end = timeout_ms < 0 ? INT64_MAX : now_ms() + timeout_ms;
    for (;;) {
        *record = tap_ear_next(self->ear);
        if (*record)
            return OK;
        int64_t left = end - now_ms();
        if (left <= 0)
            return ERR_TIMEOUT;
        zmq_pollitem_t item = {.socket = tap_ear_socket(self->ear), .events = ZMQ_POLLIN};
        int n = zmq_poll(&item, 1, (long) (left < LOOK_MS ? left : LOOK_MS));
        if (n == 0 && !answers(self->run_dir))
            return ERR_OFFLINE;
    }
}

uint64_t
tap_client_lost(const tap_client_t *self)
{
    return tap_ear_lost(self->ear);
}
