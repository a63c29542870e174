/*  client_rows - bad input for the server, a row each, and what must become of it.

    `@` in a text stands for `fill`, so many times. The token is TOKEN.  */

#pragma once

#include "tests/hostile/stranger.h"

#include <string.h>

typedef enum client_kind {
    REQUEST, /* whole bytes, instead of a handshake */
    QUERY,   /* of a handshake that is otherwise good */
    HEADER,  /* a line of a handshake that is otherwise good */
    JSON,    /* a text frame on a connection of the JSON encoding */
    PACKED,  /* the same as msgpack, on a connection of ours */
    BINARY,  /* the payload of a binary frame on a connection of ours */
    FRAMES,  /* bytes after the handshake, frame heads and all */
} client_kind_t;

typedef struct client_row {
    const char *name;
    client_kind_t kind;
    const char *bytes;
    size_t size;
    const char *fill;
    size_t times;
    ending_t ending;
} client_row_t;

#define TOKEN "token-of-ann-that-nobody-may-see"
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
#define CHANGE(members)                                                                        \
    "{\"type\":\"clt_send_changes\",\"messageId\":\"m\",\"changes\":[{" members "}]}"

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define BEARER "Authorization: Bearer " TOKEN "\r\n"
#define UPGRADE                                                                                \
    "Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: "          \
    "13\r\n" KEY

#define PIECE "\0\x81\0\0\0\0a"

// clang-format off
static const client_row_t client_rows[] = {
    /* requests */
    {"no token", REQUEST, TEXT("GET /api/sync?clientId=a HTTP/1.1\r\n" UPGRADE "\r\n"), NULL, 0, STATUS(401)},
    {"a wrong token", REQUEST, TEXT("GET /api/sync?clientId=a HTTP/1.1\r\n" UPGRADE "Authorization: Bearer wrong-token-hush\r\n\r\n"), NULL, 0, STATUS(401)},
    {"a part of the token", REQUEST, TEXT("GET /api/sync?clientId=a HTTP/1.1\r\n" UPGRADE "Authorization: Bearer token-of-ann\r\n\r\n"), NULL, 0, STATUS(401)},
    {"the token and more", REQUEST, TEXT("GET /api/sync?clientId=a HTTP/1.1\r\n" UPGRADE "Authorization: Bearer " TOKEN "x\r\n\r\n"), NULL, 0, STATUS(401)},
    {"another scheme", REQUEST, TEXT("GET /api/sync?clientId=a HTTP/1.1\r\n" UPGRADE "Authorization: Basic YTpi\r\n\r\n"), NULL, 0, STATUS(401)},
    {"an empty token", REQUEST, TEXT("GET /api/sync?clientId=a HTTP/1.1\r\n" UPGRADE "Authorization: Bearer \r\n\r\n"), NULL, 0, STATUS(401)},
    {"a long token", REQUEST, TEXT("GET /api/sync?clientId=a&token=@ HTTP/1.1\r\n" UPGRADE "\r\n"), "x", 3000, STATUS(400)},
    {"a token that says alg none", REQUEST, TEXT("GET /api/sync?clientId=a HTTP/1.1\r\n" UPGRADE "Authorization: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.\r\n\r\n"), NULL, 0, STATUS(401)},
    {"a page without a token", REQUEST, TEXT("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), NULL, 0, STATUS(401)},
    {"clients without a token", REQUEST, TEXT("GET /api/replication/clients HTTP/1.1\r\nHost: x\r\n\r\n"), NULL, 0, STATUS(401)},
    {"no such page", REQUEST, TEXT("GET /nothing HTTP/1.1\r\nHost: x\r\n" BEARER "\r\n"), NULL, 0, STATUS(404)},
    {"a way out of the root", REQUEST, TEXT("GET /../../../etc/passwd HTTP/1.1\r\nHost: x\r\n" BEARER "\r\n"), NULL, 0, STATUS(404)},
    {"a page spelt in percents", REQUEST, TEXT("GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\n" BEARER "\r\n"), NULL, 0, STATUS(404)},
    {"another method", REQUEST, TEXT("DELETE /api/replication/lsn HTTP/1.1\r\nHost: x\r\n" BEARER "\r\n"), NULL, 0, STATUS(405)},
    {"no upgrade", REQUEST, TEXT("GET /api/sync?clientId=a HTTP/1.1\r\nHost: x\r\n" BEARER "\r\n"), NULL, 0, STATUS(426)},
    {"an upgrade to HTTP/2", REQUEST, TEXT("GET /api/sync HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"), NULL, 0, ENDS(GONE)},
    {"HTTP/2 at once", REQUEST, TEXT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), NULL, 0, ENDS(GONE)},
    {"TLS where there is none", REQUEST, TEXT("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), NULL, 0, ENDS(GONE)},
    {"zeros", REQUEST, TEXT("@"), "\x01", 70000, ENDS(GONE)},
    {"a long request line", REQUEST, TEXT("GET /@ HTTP/1.1\r\nHost: x\r\n\r\n"), "a", 3000, STATUS(400)},
    {"an endless request line", REQUEST, TEXT("GET /@"), "a", 100000, ENDS(GONE)},
    {"an endless header", REQUEST, TEXT("GET /healthz HTTP/1.1\r\nOrigin: @"), "a", 100000, ENDS(GONE)},
    {"endless headers", REQUEST, TEXT("GET /healthz HTTP/1.1\r\n@"), "Cookie: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", 3000, ENDS(GONE)},
    {"a head that never ends", REQUEST, TEXT("GET /healthz HTTP/1.1\r\nHost: x\r\n"), NULL, 0, ENDS(GONE)},
    {"not a word", REQUEST, TEXT(""), NULL, 0, ENDS(GONE)},
    {"a proxy is asked for", REQUEST, TEXT("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n"), NULL, 0, ENDS(GONE)},
    {"a body with two lengths", REQUEST, TEXT("POST /api/replication/init HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n" BEARER "\r\n0\r\n\r\nGET /x"), NULL, 0, STATUS(200)},
    {"a body of a negative length", REQUEST, TEXT("POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"), NULL, 0, STATUS(405)},
    {"a body that never comes", REQUEST, TEXT("POST /api/replication/init HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n" BEARER "\r\n"), NULL, 0, STATUS(200)},
    {"an upgrade without a key", REQUEST, TEXT("GET /api/sync?clientId=a HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" BEARER "\r\n"), NULL, 0, ENDS(GONE)},
    {"an upgrade of an old version", REQUEST, TEXT("GET /api/sync?clientId=a HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n" KEY BEARER "\r\n"), NULL, 0, STATUS(400)},

    /* handshakes */
    {"no client id", QUERY, TEXT("lsn=0/0"), NULL, 0, STATUS(400)},
    {"an empty client id", QUERY, TEXT("clientId="), NULL, 0, STATUS(400)},
    {"a long client id", QUERY, TEXT("clientId=@"), "a", 129, STATUS(400)},
    {"a client id that is no text", QUERY, TEXT("clientId=%FF%FE"), NULL, 0, STATUS(400)},
    {"a client id with a NUL", QUERY, TEXT("clientId=a%00b"), NULL, 0, ENDS(GONE)},
    {"a client id that speaks to a terminal", QUERY, TEXT("clientId=a%1b[2J"), NULL, 0, STATUS(400)},
    {"a broken percent", QUERY, TEXT("clientId=a%zz"), NULL, 0, ENDS(GONE)},
    {"a position that is none", QUERY, TEXT("clientId=a&lsn=abc"), NULL, 0, STATUS(400)},
    {"a position with three parts", QUERY, TEXT("clientId=a&lsn=1/2/3"), NULL, 0, STATUS(400)},
    {"a position beyond everything", QUERY, TEXT("clientId=a&lsn=FFFFFFFF/FFFFFFFF"), NULL, 0, ENDS(STAYS)},
    {"a long epoch", QUERY, TEXT("clientId=a&epoch=@"), "a", 200, STATUS(400)},
    {"a long lease", QUERY, TEXT("clientId=a&lease=@"), "a", 200, STATUS(400)},
    {"a hundred parameters", QUERY, TEXT("clientId=a@"), "&a=1", 100, ENDS(GONE)},
    {"somebody else's client id", QUERY, TEXT("clientId=of-bob"), NULL, 0, STATUS(403)},
    {"an origin that is not listed", HEADER, TEXT("Origin: https://evil.example\r\n"), NULL, 0, STATUS(403)},
    {"an origin that begins like a listed one", HEADER, TEXT("Origin: https://good.example.evil.example\r\n"), NULL, 0, STATUS(403)},
    {"an origin that ends like a listed one", HEADER, TEXT("Origin: https://evil-good.example\r\n"), NULL, 0, STATUS(403)},
    {"no origin by name", HEADER, TEXT("Origin: null\r\n"), NULL, 0, STATUS(403)},
    {"a sub-protocol of others", HEADER, TEXT("Sec-WebSocket-Protocol: mqtt\r\n"), NULL, 0, ENDS(GONE)},
    {"compression", HEADER, TEXT("Sec-WebSocket-Extensions: permessage-deflate, permessage-deflate\r\n"), NULL, 0, ENDS(STAYS)},

    /* JSON */
    {"no JSON", JSON, TEXT("hello"), NULL, 0, ENDS(ERROR)},
    {"an empty frame", JSON, TEXT(""), NULL, 0, ENDS(ERROR)},
    {"a list", JSON, TEXT("[]"), NULL, 0, ENDS(ERROR)},
    {"half an object", JSON, TEXT("{\"type\":"), NULL, 0, ENDS(ERROR)},
    {"two objects", JSON, TEXT("{\"type\":\"clt_init_processed\"}{}"), NULL, 0, ENDS(ERROR)},
    {"deep lists", JSON, TEXT("{\"type\":\"clt_send_changes\",\"changes\":@"), "[", 50000, ENDS(ERROR)},
    {"deep objects", JSON, TEXT("@"), "{\"a\":", 9000, ENDS(ERROR)},
    {"no type", JSON, TEXT("{\"changes\":[]}"), NULL, 0, ENDS(ERROR)},
    {"a type that is a number", JSON, TEXT("{\"type\":7}"), NULL, 0, ENDS(ERROR)},
    {"an unknown type", JSON, TEXT("{\"type\":\"clt_format_disk\"}"), NULL, 0, ENDS(STAYS)},
    {"a type of the server's", JSON, TEXT("{\"type\":\"srv_live_start\"}"), NULL, 0, ENDS(STAYS)},
    {"a type of the bus", JSON, TEXT("{\"type\":\"record\"}"), NULL, 0, ENDS(STAYS)},
    {"two types", JSON, TEXT("{\"type\":\"clt_init_processed\",\"type\":\"clt_send_changes\"}"), NULL, 0, ENDS(ERROR)},
    {"text that is no UTF-8", JSON, TEXT("{\"type\":\"clt_\xff\xfe\"}"), NULL, 0, ENDS(ERROR)},
    {"half a surrogate", JSON, TEXT("{\"type\":\"\\ud800\"}"), NULL, 0, ENDS(ERROR)},
    {"a NUL in a text", JSON, TEXT("{\"type\":\"clt_send_changes\\u0000\"}"), NULL, 0, ENDS(ERROR)},
    {"a number beyond everything", JSON, TEXT("{\"type\":\"clt_catchup_received\",\"chunk\":1e999,\"lsn\":\"0/0\"}"), NULL, 0, ENDS(ERROR)},
    {"a negative count", JSON, TEXT("{\"type\":\"clt_catchup_received\",\"chunk\":-1,\"lsn\":\"0/0\"}"), NULL, 0, ENDS(ERROR)},
    {"a position that is a list", JSON, TEXT("{\"type\":\"clt_catchup_request\",\"fromLSN\":[]}"), NULL, 0, ENDS(ERROR)},
    {"a receipt for nothing", JSON, TEXT("{\"type\":\"clt_catchup_received\",\"chunk\":99,\"lsn\":\"FFFFFFFF/FFFFFFFF\"}"), NULL, 0, ENDS(STAYS)},
    {"changes that are no list", JSON, TEXT("{\"type\":\"clt_send_changes\",\"changes\":{}}"), NULL, 0, ENDS(ERROR)},
    {"a change that is a number", JSON, TEXT("{\"type\":\"clt_send_changes\",\"changes\":[7]}"), NULL, 0, ENDS(ERROR)},
    {"no table", JSON, TEXT(CHANGE("\"operation\":\"insert\",\"data\":{\"id\":\"1\"}")), NULL, 0, ENDS(ERROR)},
    {"an unknown table", JSON, TEXT(CHANGE("\"table\":\"nothing\",\"operation\":\"insert\",\"data\":{\"id\":\"1\"}")), NULL, 0, ENDS(REJECTED)},
    {"a table of ours", JSON, TEXT(CHANGE("\"table\":\"client_changes\",\"operation\":\"delete\",\"data\":{\"id\":\"1\"}")), NULL, 0, ENDS(REJECTED)},
    {"the log", JSON, TEXT(CHANGE("\"table\":\"change_log\",\"operation\":\"delete\",\"data\":{\"id\":\"1\"}")), NULL, 0, ENDS(REJECTED)},
    {"a table of SQLite", JSON, TEXT(CHANGE("\"table\":\"sqlite_schema\",\"operation\":\"insert\",\"data\":{\"id\":\"1\"}")), NULL, 0, ENDS(REJECTED)},
    {"SQL in a table's name", JSON, TEXT(CHANGE("\"table\":\"notes\\\"; DROP TABLE notes; --\",\"operation\":\"insert\",\"data\":{\"id\":\"1\"}")), NULL, 0, ENDS(REJECTED)},
    {"SQL in a column's name", JSON, TEXT(CHANGE("\"table\":\"notes\",\"operation\":\"insert\",\"data\":{\"id\":\"1\",\"title) VALUES (1); DROP TABLE notes; --\":\"x\"}")), NULL, 0, ENDS(REJECTED)},
    {"an unknown operation", JSON, TEXT(CHANGE("\"table\":\"notes\",\"operation\":\"truncate\",\"data\":{\"id\":\"1\"}")), NULL, 0, ENDS(REJECTED)},
    {"a row without its key", JSON, TEXT(CHANGE("\"table\":\"notes\",\"operation\":\"insert\",\"data\":{\"title\":\"x\"}")), NULL, 0, ENDS(REJECTED)},
    {"a key that is null", JSON, TEXT(CHANGE("\"table\":\"notes\",\"operation\":\"insert\",\"data\":{\"id\":null,\"title\":\"x\"}")), NULL, 0, ENDS(REJECTED)},
    {"a row that breaks a constraint", JSON, TEXT(CHANGE("\"table\":\"notes\",\"operation\":\"insert\",\"data\":{\"id\":\"1\",\"title\":null}")), NULL, 0, ENDS(REJECTED)},
    {"a row that is a text", JSON, TEXT(CHANGE("\"table\":\"notes\",\"operation\":\"insert\",\"data\":\"x\"")), NULL, 0, ENDS(ERROR)},
    {"a column a thousand times", JSON, TEXT(CHANGE("\"table\":\"notes\",\"operation\":\"insert\",\"data\":{\"id\":\"1\"@}")), ",\"c\":1", 1000, ENDS(ERROR)},
    {"a frame beyond the limit", JSON, TEXT("{\"type\":\"@\"}"), "a", 70000, CLOSED(1009)},

    {"a frame far beyond the limit", JSON, TEXT("{\"type\":\"@\"}"), "aaaaaaaaaaaaaaaa", 1300000, CLOSED(1009)},

    /* our own encoding */
    {"an empty binary frame", BINARY, TEXT(""), NULL, 0, ENDS(ERROR)},
    {"a list of sixteen million", BINARY, TEXT("\xdd\x01\x00\x00\x00"), NULL, 0, ENDS(ERROR)},
    {"a map of four thousand million", BINARY, TEXT("\xdf\xff\xff\xff\xff"), NULL, 0, ENDS(ERROR)},
    {"a text longer than the frame", BINARY, TEXT("\x81\xdb\xff\xff\xff\xff" "a"), NULL, 0, ENDS(ERROR)},
    {"bytes longer than the frame", BINARY, TEXT("\x81\xa4type\xc6\x7f\xff\xff\xff"), NULL, 0, ENDS(ERROR)},
    {"deep maps", BINARY, TEXT("@"), "\x81\xa1" "a", 20000, ENDS(ERROR)},
    {"deep lists in a map", BINARY, TEXT("\x82\xa4type\xb0" "clt_send_changes\xa7" "changes@\xc0"), "\x91", 1000, ENDS(ERROR)},
    {"a byte too many", BINARY, TEXT("\x81\xa4type\xb2" "clt_init_processed\xc0"), NULL, 0, ENDS(ERROR)},
    {"a byte that msgpack never uses", BINARY, TEXT("\x81\xa4type\xc1"), NULL, 0, ENDS(ERROR)},
    {"an extension type", BINARY, TEXT("\x81\xa4type\xd4\x01\x02"), NULL, 0, ENDS(ERROR)},
    {"nil", BINARY, TEXT("\xc0"), NULL, 0, ENDS(ERROR)},
    {"a key that is no text", BINARY, TEXT("\x81\x01\x02"), NULL, 0, ENDS(ERROR)},
    {"a type that is bytes", BINARY, TEXT("\x81\xa4type\xc4\x02zz"), NULL, 0, ENDS(ERROR)},
    {"the same field twice", BINARY, TEXT("\x82\xa4type\xb2" "clt_init_processed\xa4type\xb2" "clt_init_processed"), NULL, 0, ENDS(ERROR)},
    {"a position beyond the log", BINARY, TEXT("\x82\xa4type\xb4" "clt_changes_received\xa7lastLSN\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), NULL, 0, ENDS(STAYS)},
    {"a client id of somebody else", PACKED, TEXT("{\"type\":\"clt_init_processed\",\"clientId\":\"of-bob\"}"), NULL, 0, ENDS(STAYS)},
    {"fields of a later version", PACKED, TEXT("{\"type\":\"clt_init_processed\",\"later\":{\"a\":[1]}}"), NULL, 0, ENDS(STAYS)},
    {"an unknown type, packed", PACKED, TEXT("{\"type\":\"clt_format_disk\"}"), NULL, 0, ENDS(STAYS)},
    {"a catch-up from beyond", PACKED, TEXT("{\"type\":\"clt_catchup_request\",\"fromLSN\":9223372036854775807}"), NULL, 0, ENDS(STAYS)},

    /* frames */
    {"text on a connection of ours", FRAMES, TEXT("\x81\x82\0\0\0\0{}"), NULL, 0, ENDS(ERROR)},
    {"a size beyond the limit, in the head", FRAMES, TEXT("\x82\xff\0\0\0\1\0\0\0\0\1\2\3\4"), NULL, 0, CLOSED(1009)},
    {"a size of 2^63", FRAMES, TEXT("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\2\3\4aaaa"), NULL, 0, ENDS(GONE)},
    {"no mask", FRAMES, TEXT("\x82\x01\xc0"), NULL, 0, ENDS(ERROR)},
    {"a reserved bit", FRAMES, TEXT("\xc2\x81\0\0\0\0\xc0"), NULL, 0, CLOSED(1002)},
    {"an operation that is none", FRAMES, TEXT("\x83\x81\0\0\0\0\xc0"), NULL, 0, CLOSED(1002)},
    {"a control operation that is none", FRAMES, TEXT("\x8b\x80\0\0\0\0"), NULL, 0, CLOSED(1002)},
    {"a ping in pieces", FRAMES, TEXT("\x09\x80\0\0\0\0"), NULL, 0, CLOSED(1002)},
    {"a ping that is too long", FRAMES, TEXT("\x89\xfe\x01\x00\0\0\0\0@"), "a", 256, ENDS(GONE)},
    {"a thousand pings", FRAMES, TEXT("@"), "\x89\x81\x01\x01\x01\x01" "a", 1000, ENDS(STAYS)},
    {"the middle of a message without its start", FRAMES, TEXT("\x80\x81\0\0\0\0\xc0"), NULL, 0, CLOSED(1002)},
    {"a message inside of another", FRAMES, TEXT("\x02\x81\0\0\0\0\xc0\x82\x81\0\0\0\0\xc0"), NULL, 0, CLOSED(1002)},
    {"a message in too many pieces", FRAMES, TEXT("\x02\x81\0\0\0\0\xc0" PIECE PIECE PIECE PIECE PIECE PIECE PIECE PIECE PIECE), NULL, 0, CLOSED(1009)},
    {"a close with half a code", FRAMES, TEXT("\x88\x81\0\0\0\0\x03"), NULL, 0, ENDS(GONE)},
    {"a close with a code that is none", FRAMES, TEXT("\x88\x82\0\0\0\0\0\1"), NULL, 0, CLOSED(1002)},
    {"half a message", FRAMES, TEXT("\x02\x85\0\0\0\0\x81\xa4ty"), NULL, 0, ENDS(LEFT)},
    {"half a head", FRAMES, TEXT("\x82\xff\0\0"), NULL, 0, ENDS(LEFT)},
};
// clang-format on

/*  The bytes of a row, with its filling.  */
static inline void
client_row_fill(const client_row_t *row, buffer_t *out)
{
    const char *mark = row->fill ? memchr(row->bytes, '@', row->size) : NULL;
    const size_t before = mark ? (size_t) (mark - row->bytes) : row->size;
    buffer_add(out, row->bytes, before);
    for (size_t i = 0; mark && i < row->times; i++)
        buffer_add_text(out, row->fill);
    if (mark)
        buffer_add(out, mark + 1, row->size - before - 1);
}
