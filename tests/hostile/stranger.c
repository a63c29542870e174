#include "tests/hostile/stranger.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* cmocka wants these first. */
#include <setjmp.h>

#include <cmocka.h>

enum {
    PATIENCE_S = 60,
    HEAD_ROOM = 16384,
    MASKED = 0x80,
    FINAL = 0x80,
    OP_CLOSE = 8,
    OP_PING = 9,
    OP_PONG = 10,
    LARGEST = 32 << 20,
};

int
stranger_connect(const char *address)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    struct sockaddr_in there = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t) strtoul(strrchr(address, ':') + 1, NULL, 10)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(connect(fd, (struct sockaddr *) &there, sizeof there), 0);
    return fd;
}

void
stranger_send(int fd, bytes_t bytes)
{
    size_t done = 0;
    ssize_t written = 0;
    while (done < bytes.size && written >= 0) {
        written = send(fd, bytes.data + done, bytes.size - done, MSG_NOSIGNAL);
        done += written > 0 ? (size_t) written : 0;
    }
}

void
stranger_frame(buffer_t *out, int first_byte, bytes_t payload)
{
    const uint8_t head[] = {(uint8_t) first_byte, MASKED | 127};
    const bool brief = payload.size < 126;
    const uint8_t brief_head[] = {(uint8_t) first_byte, (uint8_t) (MASKED | payload.size)};
    buffer_add(out, brief ? brief_head : head, sizeof head);
    for (int shift = brief ? -1 : 56; shift >= 0; shift -= 8) {
        const uint8_t byte = (uint8_t) ((uint64_t) payload.size >> shift);
        buffer_add(out, &byte, 1);
    }
    buffer_add(out, "\0\0\0\0", 4);
    buffer_add(out, payload.data, payload.size);
}

void
stranger_upgrade(buffer_t *out, const char *query, const char *more)
{
    buffer_add_format(out,
                      "GET /api/sync?%s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                      "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
                      query, more);
}

int
stranger_read_head(int fd)
{
    char head[HEAD_ROOM] = "";
    size_t size = 0;
    while (size + 1 < sizeof head && strstr(head, "\r\n\r\n") == NULL) {
        if (recv(fd, head + size, 1, 0) != 1)
            return 0;
        head[++size] = '\0';
    }
    return strncmp(head, "HTTP/1.1 ", 9) == 0 ? (int) strtol(head + 9, NULL, 10) : 0;
}

/*  ------------------------------------------------------------------------- frames  */

static bool
read_exactly(int fd, void *data, size_t size)
{
    return size == 0 || recv(fd, data, size, MSG_WAITALL) == (ssize_t) size;
}

static bool
read_size(int fd, uint8_t first, size_t *size)
{
    const size_t n = first == 127 ? 8 : first == 126 ? 2 : 0;
    uint8_t bytes[8];
    *size = n == 0 ? first : 0;
    if (!read_exactly(fd, bytes, n))
        return false;
    for (size_t i = 0; i < n; i++)
        *size = *size << 8 | bytes[i];
    return *size <= LARGEST;
}

/*  Gives what the frame is; -1 at the end.  */
static int
read_frame(int fd, buffer_t *payload)
{
    uint8_t head[2];
    size_t size = 0;
    if (!read_exactly(fd, head, sizeof head) || !read_size(fd, head[1], &size))
        return -1;
    uint8_t *data = mem_new(size + 1);
    const bool whole = read_exactly(fd, data, size);
    buffer_clear(payload);
    buffer_add(payload, data, size);
    free(data);
    return whole ? head[0] & 0x0f : -1;
}

static bool
has(const buffer_t *payload, const char *part)
{
    return payload->size > 0
           && memmem(payload->data, payload->size, part, strlen(part)) != NULL;
}

/*  Whoever does not answer pings is taken for dead.  */
static void
answer_ping(int fd, const buffer_t *payload)
{
    buffer_t pong = {0};
    stranger_frame(&pong, FINAL | OP_PONG, buffer_bytes(payload));
    stranger_send(fd, buffer_bytes(&pong));
    buffer_release(&pong);
}

ending_t
stranger_read_ending(int fd, const char *answer, const char *part)
{
    ending_t ending = {.fate = FATE_STAYS};
    buffer_t payload = {0};
    int op;
    while ((op = read_frame(fd, &payload)) >= 0 && op != OP_CLOSE
           && !(has(&payload, answer) && has(&payload, part)))
        if (op == OP_PING)
            answer_ping(fd, &payload);
        else if (has(&payload, "srv_error"))
            ending.fate = FATE_ERROR;
        else if (has(&payload, "rejected"))
            ending.fate = FATE_REJECTED;
    if (op == OP_CLOSE && payload.size >= 2)
        ending = (ending_t){FATE_CLOSED, payload.data[0] << 8 | payload.data[1]};
    else if (op < 0 || op == OP_CLOSE)
        ending = (ending_t){.fate = FATE_GONE};
    buffer_release(&payload);
    return ending;
}
