#include "tests/hostile/bad_server.h"

#include "schemas/codec.h"
#include "tests/hostile/stranger.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

enum { PATIENCE_S = 60 };

int
bad_server_listen(int *port)
{
    struct sockaddr_in here = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    socklen_t size = sizeof here;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(bind(fd, (struct sockaddr *) &here, sizeof here), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *) &here, &size), 0);
    *port = ntohs(here.sin_port);
    return fd;
}

void
bad_server_read(int fd, char *head, size_t room)
{
    size_t size = 0;
    head[0] = '\0';
    while (size + 1 < room && strstr(head, "\r\n\r\n") == NULL) {
        assert_int_equal(recv(fd, head + size, 1, 0), 1);
        head[++size] = '\0';
    }
}

void
bad_server_accept(int fd, const char *request)
{
    static const char name[] = "\r\nSec-WebSocket-Key: ";
    const char *key = strcasestr(request, name);
    assert_non_null(key);
    key += sizeof name - 1;
    char *text =
        mem_format("%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", (int) strcspn(key, "\r"), key);
    uint8_t hash[SHA_DIGEST_LENGTH], code[64];
    SHA1((const uint8_t *) text, strlen(text), hash);
    EVP_EncodeBlock(code, hash, sizeof hash);
    char *answer = mem_format("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                              "Connection: Upgrade\r\nSec-WebSocket-Protocol: waybill.v1\r\n"
                              "Sec-WebSocket-Accept: %s\r\n\r\n",
                              (const char *) code);
    stranger_send(fd, (bytes_t){(const uint8_t *) answer, strlen(answer)});
    free(answer);
    free(text);
}

/*  Servers do not mask.  */
static void
add_frame(buffer_t *out, bytes_t payload)
{
    const uint8_t head[] = {0x82, 127};
    buffer_add(out, head, sizeof head);
    for (int shift = 56; shift >= 0; shift -= 8) {
        const uint8_t byte = (uint8_t) ((uint64_t) payload.size >> shift);
        buffer_add(out, &byte, 1);
    }
    buffer_add(out, payload.data, payload.size);
}

void
bad_server_add(buffer_t *out, const char *lines, size_t size)
{
    while (size > 0) {
        buffer_t packed = {0};
        const char *end = memchr(lines, '\n', size);
        const size_t length = end ? (size_t) (end - lines) : size;
        assert_int_equal(json_to_msgpack(lines, length, &packed, NULL), OK);
        add_frame(out, buffer_bytes(&packed));
        buffer_release(&packed);
        lines += length + (end != NULL);
        size -= length + (end != NULL);
    }
}
