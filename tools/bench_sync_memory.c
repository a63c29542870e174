/*  How much memory an agent with much data takes, and a server with many clients.  */

#include "actors/net/address.h"
#include "schemas/number.h"
#include "tools/bench_sync.h"
#include "tools/bench_world.h"
#include "tools/verb.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROWS = 1000000, CLIENTS = 1000, PATIENCE_S = 20 };

static const double megabyte = 1e6;

bool
sync_memory(const bench_t *bench, measured_t *ours)
{
    bench_world_t *world = bench_world_new(bench, bench_size(bench, ROWS));
    member_t *agent = world ? bench_world_add_agent(world) : NULL;
    const bool good = agent && member_connect(agent) && bench_world_await(world, agent);
    ours->figures[0] = good ? member_memory(agent) / megabyte : 0;
    bench_world_destroy(&world);
    return good && ours->figures[0] > 0;
}

/*  ------------------------------------------------------------------------ the crowd  */

static int
dial(const char *address)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    to.sin_port = htons((uint16_t) strtoul(strrchr(address, ':') + 1, NULL, 10));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (fd >= 0 && connect(fd, (const struct sockaddr *) &to, sizeof to) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static bool
ask_upgrade(int fd, const char *address, size_t number, uint64_t lsn)
{
    char position[LSN_TEXT];
    AUTO(text)
    text = mem_format("GET /api/sync?clientId=crowd-%zu&lsn=%s HTTP/1.1\r\nHost: %s\r\n"
                      "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: waybill.v1\r\n\r\n",
                      number, lsn_text(lsn, position), address);
    return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t) strlen(text);
}

/*  Until the server has said that the stream is live.  */
static bool
await_live(int fd)
{
    static const char live[] = "srv_live_start";
    char heard[16384];
    size_t n = 0;
    while (n < sizeof heard && !memmem(heard, n, live, strlen(live))) {
        const ssize_t got = recv(fd, heard + n, sizeof heard - n, 0);
        if (got <= 0)
            return false;
        n += (size_t) got;
    }
    return n < sizeof heard;
}

static bool
join(const bench_world_t *world, int *fd, size_t number, uint64_t lsn)
{
    *fd = dial(world->address);
    const bool good =
        *fd >= 0 && ask_upgrade(*fd, world->address, number, lsn) && await_live(*fd);
    if (!good)
        complain("bench: client %zu was not served: %s", number, strerror(errno));
    return good;
}

/*  Clients that are at the server's position, and listen.  */
bool
sync_crowd(const bench_t *bench, measured_t *ours)
{
    const size_t n = bench_size(bench, CLIENTS);
    int *fds = mem_new(n * sizeof *fds);
    bench_world_t *world = bench_world_new(bench, 1);
    const int64_t lsn =
        world ? member_number(&world->server, "SELECT lsn FROM waybill_head") : -1;
    size_t joined = 0;
    while (lsn >= 0 && joined < n && join(world, &fds[joined], joined, (uint64_t) lsn))
        joined++;
    ours->figures[0] = joined == n ? member_memory(&world->server) / megabyte : 0;
    for (size_t i = 0; i < n; i++)
        if (fds[i] > 0)
            close(fds[i]);
    free(fds);
    bench_world_destroy(&world);
    return ours->figures[0] > 0;
}
