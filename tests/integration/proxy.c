#include "tests/integration/proxy.h"

#include "schemas/base.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAIRS = 16, PIECE = 4096, CUT_AFTER = 700, LOOK_MS = 20 };

typedef struct pair {
    int ends[2]; /* the agent's, the server's; -1: free */
    size_t handed_on;
} pair_t;

struct proxy {
    pthread_t thread;
    int listener;
    struct sockaddr_in server;
    char address[32];
    int mood;
    bool stop;
    size_t connections;
    pair_t pairs[PAIRS];
};

static int
mood_of(proxy_t *self)
{
    return __atomic_load_n(&self->mood, __ATOMIC_SEQ_CST);
}

static void
close_pair(pair_t *pair)
{
    for (size_t i = 0; i < 2; i++)
        if (pair->ends[i] >= 0)
            close(pair->ends[i]);
    *pair = (pair_t){.ends = {-1, -1}};
}

static void
send_at_once(int fd)
{
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void
take_connection(proxy_t *self)
{
    const int agent = accept4(self->listener, NULL, NULL, SOCK_CLOEXEC);
    const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pair_t *pair = self->pairs;
    while (pair < &self->pairs[PAIRS] && pair->ends[0] >= 0)
        pair++;
    if (pair == &self->pairs[PAIRS] || agent < 0
        || connect(server, (struct sockaddr *) &self->server, sizeof self->server) != 0) {
        close(agent);
        close(server);
        return;
    }
    send_at_once(agent);
    send_at_once(server);
    *pair = (pair_t){.ends = {agent, server}};
    __atomic_add_fetch(&self->connections, 1, __ATOMIC_SEQ_CST);
}

/*  False: the connection is over.  */
static bool
pass_on(int to, const char *data, size_t size, size_t step)
{
    for (size_t at = 0; at < size; at += step) {
        const size_t piece = size - at < step ? size - at : step;
        if (send(to, data + at, piece, MSG_NOSIGNAL) != (ssize_t) piece)
            return false;
    }
    return true;
}

static bool
hand_on(proxy_t *self, pair_t *pair, size_t from)
{
    char data[PIECE];
    const int mood = mood_of(self);
    const ssize_t n = recv(pair->ends[from], data, sizeof data, MSG_DONTWAIT);
    if (n <= 0)
        return false;
    if (mood == MOOD_SILENT)
        return true;
    size_t size = (size_t) n;
    const bool cut = mood == MOOD_CUT && pair->handed_on + size > CUT_AFTER;
    if (cut)
        size = CUT_AFTER > pair->handed_on ? CUT_AFTER - pair->handed_on : 0;
    pair->handed_on += size;
    return pass_on(pair->ends[1 - from], data, size, mood == MOOD_BYTES ? 1 : PIECE) && !cut;
}

static void
look_around(proxy_t *self)
{
    struct pollfd places[1 + 2 * PAIRS] = {{.fd = self->listener, .events = POLLIN}};
    for (size_t i = 0; i < 2 * PAIRS; i++)
        places[1 + i] = (struct pollfd){.fd = self->pairs[i / 2].ends[i % 2], .events = POLLIN};
    if (poll(places, COUNT_OF(places), LOOK_MS) <= 0)
        return;
    for (size_t i = 0; i < 2 * PAIRS; i++) {
        pair_t *pair = &self->pairs[i / 2];
        if (places[1 + i].revents && pair->ends[i % 2] == places[1 + i].fd
            && !hand_on(self, pair, i % 2))
            close_pair(pair);
    }
    if (places[0].revents)
        take_connection(self);
}

static void *
run(void *arg)
{
    proxy_t *self = arg;
    while (!__atomic_load_n(&self->stop, __ATOMIC_SEQ_CST))
        look_around(self);
    return NULL;
}

proxy_t *
proxy_new(const char *server)
{
    proxy_t *self = mem_new(sizeof *self);
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof own;
    self->server = own;
    self->server.sin_port = htons((uint16_t) atoi(strrchr(server, ':') + 1));
    self->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    for (size_t i = 0; i < PAIRS; i++)
        self->pairs[i] = (pair_t){.ends = {-1, -1}};
    if (bind(self->listener, (struct sockaddr *) &own, sizeof own) != 0
        || listen(self->listener, PAIRS) != 0
        || getsockname(self->listener, (struct sockaddr *) &own, &size) != 0
        || pthread_create(&self->thread, NULL, run, self) != 0) {
        perror("proxy");
        abort();
    }
    snprintf(self->address, sizeof self->address, "127.0.0.1:%d", ntohs(own.sin_port));
    return self;
}

void
proxy_destroy(proxy_t **self_p)
{
    proxy_t *self = *self_p;
    if (self == NULL)
        return;
    __atomic_store_n(&self->stop, true, __ATOMIC_SEQ_CST);
    pthread_join(self->thread, NULL);
    for (size_t i = 0; i < PAIRS; i++)
        close_pair(&self->pairs[i]);
    close(self->listener);
    free(self);
    *self_p = NULL;
}

const char *
proxy_address(const proxy_t *self)
{
    return self->address;
}

void
proxy_set(proxy_t *self, mood_t mood)
{
    __atomic_store_n(&self->mood, (int) mood, __ATOMIC_SEQ_CST);
}

size_t
proxy_connections(const proxy_t *self)
{
    return __atomic_load_n(&self->connections, __ATOMIC_SEQ_CST);
}
