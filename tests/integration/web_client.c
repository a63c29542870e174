#include "tests/integration/web_client.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_S = 60, OP_TEXT = 1, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10, MASKED = 0x80 };

struct web_client {
    int fd;
    buffer_t payload; /* of the last frame */
};

/*  ------------------------------------------------------------------------- bytes  */

static int
connect_to(const char *address)
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
    assert_int_equal(connect(fd, (struct sockaddr *) &there, sizeof there), 0);
    return fd;
}

/*  A peer that hangs up meanwhile is no fault: what it has said is read next.  */
static void
write_all(int fd, const void *data, size_t size)
{
    size_t done = 0;
    ssize_t written = 0;
    while (done < size && written >= 0) {
        written = send(fd, (const char *) data + done, size - done, MSG_NOSIGNAL);
        done += written > 0 ? (size_t) written : 0;
    }
}

static void
read_exactly(int fd, void *data, size_t size)
{
    assert_int_equal(size > 0 ? recv(fd, data, size, MSG_WAITALL) : 0, size);
}

/*  ------------------------------------------------------------------------- HTTP  */

char *
web_ask_whole(const char *address, const char *request)
{
    const int fd = connect_to(address);
    buffer_t text = {0};
    char piece[4096];
    write_all(fd, request, strlen(request));
    for (ssize_t n; (n = recv(fd, piece, sizeof piece, 0)) > 0;)
        buffer_add(&text, piece, (size_t) n);
    close(fd);
    char *answer = mem_text(buffer_text(&text));
    buffer_release(&text);
    return answer;
}

char *
web_ask(const char *address, const char *method, const char *path)
{
    char *request = mem_format("%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 0\r\n\r\n",
                               method, path, address);
    char *answer = web_ask_whole(address, request);
    free(request);
    return answer;
}

static void
read_head(int fd, buffer_t *head)
{
    char byte;
    while (strstr(buffer_text(head), "\r\n\r\n") == NULL) {
        read_exactly(fd, &byte, 1);
        buffer_add(head, &byte, 1);
    }
}

static web_client_t *
open_client(const char *address, const char *target, const char *protocol)
{
    web_client_t *self = mem_new(sizeof *self);
    buffer_t text = {0};
    self->fd = connect_to(address);
    buffer_add_format(&text,
                      "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\n"
                      "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
                      target, address);
    if (protocol)
        buffer_add_format(&text, "Sec-WebSocket-Protocol: %s\r\n", protocol);
    buffer_add_text(&text, "\r\n");
    write_all(self->fd, text.data, text.size);
    buffer_clear(&text);
    read_head(self->fd, &text);
    assert_non_null(strstr(buffer_text(&text), " 101 "));
    assert_non_null(strstr(buffer_text(&text), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    buffer_release(&text);
    return self;
}

web_client_t *
web_client_new_at(const char *address, const char *target)
{
    return open_client(address, target, NULL);
}

web_client_t *
web_client_new(const char *address, const char *query, const char *protocol)
{
    char *target = mem_format("/api/sync?%s", query);
    web_client_t *self = open_client(address, target, protocol);
    free(target);
    return self;
}

void
web_client_destroy(web_client_t **self)
{
    if (*self == NULL)
        return;
    close((*self)->fd);
    buffer_release(&(*self)->payload);
    free(*self);
    *self = NULL;
}

/*  ------------------------------------------------------------------------ frames  */

/*  Masked with zeros: a mask like any other.  */
static void
write_frame(web_client_t *self, int op, const void *data, size_t size)
{
    buffer_t frame = {0};
    const uint8_t head[] = {(uint8_t) (0x80 | op), MASKED | 127};
    buffer_add(&frame, head, sizeof head);
    for (int shift = 56; shift >= 0; shift -= 8) {
        const uint8_t byte = (uint8_t) ((uint64_t) size >> shift);
        buffer_add(&frame, &byte, 1);
    }
    buffer_add(&frame, "\0\0\0\0", 4);
    buffer_add(&frame, data, size);
    write_all(self->fd, frame.data, frame.size);
    buffer_release(&frame);
}

static size_t
read_size(web_client_t *self, uint8_t first)
{
    const size_t n = first == 127 ? 8 : first == 126 ? 2 : 0;
    uint8_t bytes[8];
    size_t size = n == 0 ? first : 0;
    read_exactly(self->fd, bytes, n);
    for (size_t i = 0; i < n; i++)
        size = size << 8 | bytes[i];
    return size;
}

/*  The server writes whole frames; gives what it is.  */
static int
read_frame(web_client_t *self)
{
    uint8_t head[2];
    read_exactly(self->fd, head, sizeof head);
    assert_int_equal(head[0] & 0xf0, 0x80);
    const size_t size = read_size(self, head[1]);
    uint8_t *data = mem_new(size + 1);
    read_exactly(self->fd, data, size);
    buffer_clear(&self->payload);
    buffer_add(&self->payload, data, size);
    free(data);
    if ((head[0] & 0x0f) == OP_PING)
        write_frame(self, OP_PONG, self->payload.data, self->payload.size);
    return head[0] & 0x0f;
}

void
web_client_say(web_client_t *self, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    assert_true(vasprintf(&text, format, arguments) >= 0);
    va_end(arguments);
    write_frame(self, OP_TEXT, text, strlen(text));
    free(text);
}

json_t *
web_client_hear(web_client_t *self, const char *type)
{
    const time_t end = time(NULL) + PATIENCE_S;
    while (time(NULL) < end) {
        const int op = read_frame(self);
        if (op == OP_CLOSE)
            fail_msg("it was closed; expected %s", type ? type : "anything");
        if (op != OP_TEXT)
            continue;
        json_t *frame = json_loads(buffer_text(&self->payload), 0, NULL);
        if (!type || strcmp(json_string_value(json_object_get(frame, "type")), type) == 0)
            return frame;
        json_decref(frame);
    }
    fail_msg("never told: %s", type ? type : "anything");
    return NULL;
}

int
web_client_hear_close(web_client_t *self)
{
    while (read_frame(self) != OP_CLOSE)
        ;
    assert_true(self->payload.size >= 2);
    return self->payload.data[0] << 8 | self->payload.data[1];
}
