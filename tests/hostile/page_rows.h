/*  page_rows - bad input for the monitor page of an agent, a row each, and what must become of
    it.

    `@` in a text stands for `fill`, so many times.  */

#pragma once

#include "tests/hostile/stranger.h"

#include <string.h>

typedef enum page_kind {
    REQUEST, /* whole bytes, instead of a handshake */
    JSON,    /* a text frame of a page that is open */
    FRAMES,  /* bytes after the handshake, frame heads and all */
} page_kind_t;

typedef struct page_row {
    const char *name;
    page_kind_t kind;
    const char *bytes;
    size_t size;
    const char *fill;
    size_t times;
    ending_t ending;
} page_row_t;

#define TEXT(text) (text), sizeof(text) - 1
#define STATUS(number)                                                                         \
    {                                                                                          \
        FATE_STATUS, number                                                                    \
    }
#define CLOSED(code)                                                                           \
    {                                                                                          \
        FATE_CLOSED, code                                                                      \
    }
#define ENDS(fate)                                                                             \
    {                                                                                          \
        FATE_##fate, 0                                                                         \
    }

#define HOME "Host: localhost\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" KEY

// clang-format off
static const page_row_t page_rows[] = {
    /* requests */
    {"no Host", REQUEST, TEXT("GET /api/state HTTP/1.1\r\n\r\n"), NULL, 0, STATUS(403)},
    {"the Host of a stranger", REQUEST, TEXT("GET /api/state HTTP/1.1\r\nHost: evil.example\r\n\r\n"), NULL, 0, STATUS(403)},
    {"a Host that begins like ours", REQUEST, TEXT("GET /api/state HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n"), NULL, 0, STATUS(403)},
    {"a Host that is long", REQUEST, TEXT("GET /api/state HTTP/1.1\r\nHost: @\r\n\r\n"), "a", 300, STATUS(400)},
    {"the Origin of a stranger", REQUEST, TEXT("GET /api/state HTTP/1.1\r\n" HOME "Origin: http://evil.example\r\n\r\n"), NULL, 0, STATUS(403)},
    {"events for the page of a stranger", REQUEST, TEXT("GET /api/events HTTP/1.1\r\n" HOME "Origin: http://evil.example\r\n" UPGRADE "\r\n"), NULL, 0, STATUS(403)},
    {"events for a page in a sandbox", REQUEST, TEXT("GET /api/events HTTP/1.1\r\n" HOME "Origin: null\r\n" UPGRADE "\r\n"), NULL, 0, STATUS(403)},
    {"events for a name that leads here", REQUEST, TEXT("GET /api/events HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\n" UPGRADE "\r\n"), NULL, 0, STATUS(403)},
    {"events elsewhere", REQUEST, TEXT("GET /api/state HTTP/1.1\r\n" HOME UPGRADE "\r\n"), NULL, 0, STATUS(404)},
    {"events without an upgrade", REQUEST, TEXT("GET /api/events HTTP/1.1\r\n" HOME "\r\n"), NULL, 0, STATUS(426)},
    {"events of an old version", REQUEST, TEXT("GET /api/events HTTP/1.1\r\n" HOME "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n" KEY "\r\n"), NULL, 0, STATUS(400)},
    {"an upgrade to HTTP/2", REQUEST, TEXT("GET / HTTP/1.1\r\n" HOME "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"), NULL, 0, ENDS(GONE)},
    {"HTTP/2 at once", REQUEST, TEXT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), NULL, 0, ENDS(GONE)},
    {"a way out of the root", REQUEST, TEXT("GET /../../../etc/passwd HTTP/1.1\r\n" HOME "\r\n"), NULL, 0, STATUS(404)},
    {"a way out in percents", REQUEST, TEXT("GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n" HOME "\r\n"), NULL, 0, STATUS(404)},
    {"a file of the sources", REQUEST, TEXT("GET /index.html HTTP/1.1\r\n" HOME "\r\n"), NULL, 0, STATUS(404)},
    {"a change by POST", REQUEST, TEXT("POST /api/changes HTTP/1.1\r\n" HOME "Content-Length: 2\r\n\r\n{}"), NULL, 0, STATUS(405)},
    {"a body that never comes", REQUEST, TEXT("POST / HTTP/1.1\r\n" HOME "Content-Length: 99999999\r\n\r\n"), NULL, 0, STATUS(405)},
    {"a filter that is none", REQUEST, TEXT("GET /api/changes?filter='%20OR%201=1 HTTP/1.1\r\n" HOME "\r\n"), NULL, 0, STATUS(400)},
    {"a limit that is none", REQUEST, TEXT("GET /api/changes?limit=99999999999999999999 HTTP/1.1\r\n" HOME "\r\n"), NULL, 0, STATUS(400)},
    {"the largest limit", REQUEST, TEXT("GET /api/changes?limit=9223372036854775807 HTTP/1.1\r\n" HOME "\r\n"), NULL, 0, STATUS(200)},
    {"a position beyond the last", REQUEST, TEXT("GET /api/changes?after=9999999999999999999 HTTP/1.1\r\n" HOME "\r\n"), NULL, 0, STATUS(200)},
    {"an id of 300 letters", REQUEST, TEXT("GET /api/change?id=@ HTTP/1.1\r\n" HOME "\r\n"), "a", 300, STATUS(400)},
    {"an id that is no text", REQUEST, TEXT("GET /api/change?id=%ff%fe HTTP/1.1\r\n" HOME "\r\n"), NULL, 0, STATUS(400)},
    {"an id with SQL in it", REQUEST, TEXT("GET /api/change?id=';DROP%20TABLE%20local_changes;-- HTTP/1.1\r\n" HOME "\r\n"), NULL, 0, STATUS(200)},
    {"a long query", REQUEST, TEXT("GET /api/state?@ HTTP/1.1\r\n" HOME "\r\n"), "a", 3000, STATUS(400)},
    {"an endless request line", REQUEST, TEXT("GET /@"), "a", 100000, ENDS(GONE)},
    {"endless headers", REQUEST, TEXT("GET /healthz HTTP/1.1\r\n@"), "Cookie: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", 3000, ENDS(GONE)},
    {"a head that never ends", REQUEST, TEXT("GET /healthz HTTP/1.1\r\n" HOME), NULL, 0, ENDS(GONE)},
    {"zeros", REQUEST, TEXT("@"), "\x01", 70000, ENDS(GONE)},

    /* wishes */
    {"nothing", JSON, TEXT(""), NULL, 0, ENDS(STAYS)},
    {"no JSON", JSON, TEXT("{{{"), NULL, 0, ENDS(STAYS)},
    {"no object", JSON, TEXT("[1,2]"), NULL, 0, ENDS(STAYS)},
    {"an object without a wish", JSON, TEXT("{}"), NULL, 0, ENDS(STAYS)},
    {"a number that is none", JSON, TEXT("{\"ask\":-1,\"do\":\"pause\"}"), NULL, 0, ENDS(STAYS)},
    {"a number that is too large", JSON, TEXT("{\"ask\":1e99,\"do\":\"unfollow\"}"), NULL, 0, ENDS(STAYS)},
    {"a wish that nobody knows", JSON, TEXT("{\"ask\":1,\"do\":\"format\"}"), NULL, 0, ENDS(STAYS)},
    {"an act that nobody knows", JSON, TEXT("{\"ask\":1,\"do\":\"act\",\"act\":\"drop\",\"ids\":[\"a\"]}"), NULL, 0, ENDS(STAYS)},
    {"an act on nothing", JSON, TEXT("{\"ask\":1,\"do\":\"act\",\"act\":\"retry\",\"ids\":[]}"), NULL, 0, ENDS(STAYS)},
    {"an act on ids that are none", JSON, TEXT("{\"ask\":1,\"do\":\"act\",\"act\":\"retry\",\"ids\":[1,{},null]}"), NULL, 0, ENDS(STAYS)},
    {"an act on very many", JSON, TEXT("{\"ask\":1,\"do\":\"act\",\"act\":\"discard\",\"ids\":[@\"a\"]}"), "\"a\",", 50000, ENDS(STAYS)},
    {"a filter that is long", JSON, TEXT("{\"ask\":1,\"do\":\"follow\",\"type\":\"@\"}"), "a", 5000, ENDS(STAYS)},
    {"deep lists", JSON, TEXT("@"), "[", 100000, ENDS(STAYS)},
    {"a message that is too large", JSON, TEXT("{\"ask\":1,\"do\":\"@\"}"), "a", 300000, CLOSED(1009)},

    /* frames */
    {"bytes instead of a text", FRAMES, TEXT("\x82\x82\0\0\0\0{}"), NULL, 0, CLOSED(1003)},
    {"a size beyond the limit, in the head", FRAMES, TEXT("\x81\xff\0\0\0\1\0\0\0\0\1\2\3\4"), NULL, 0, CLOSED(1009)},
    {"a size of 2^63", FRAMES, TEXT("\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\2\3\4aaaa"), NULL, 0, ENDS(GONE)},
    {"a reserved bit", FRAMES, TEXT("\xc1\x81\0\0\0\0x"), NULL, 0, CLOSED(1002)},
    {"an operation that is none", FRAMES, TEXT("\x83\x81\0\0\0\0x"), NULL, 0, CLOSED(1002)},
    {"the middle of a message without its start", FRAMES, TEXT("\x80\x81\0\0\0\0x"), NULL, 0, CLOSED(1002)},
    {"a ping in pieces", FRAMES, TEXT("\x09\x80\0\0\0\0"), NULL, 0, CLOSED(1002)},
    {"half a message", FRAMES, TEXT("\x01\x85\0\0\0\0{\"as"), NULL, 0, ENDS(LEFT)},
};
// clang-format on

/*  The bytes of a row, with its filling.  */
static inline void
page_row_fill(const page_row_t *row, buffer_t *out)
{
    const char *mark = row->fill ? memchr(row->bytes, '@', row->size) : NULL;
    const size_t before = mark ? (size_t) (mark - row->bytes) : row->size;
    buffer_add(out, row->bytes, before);
    for (size_t i = 0; mark && i < row->times; i++)
        buffer_add_text(out, row->fill);
    if (mark)
        buffer_add(out, mark + 1, row->size - before - 1);
}
