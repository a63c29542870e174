/*  server_rows - what a bad server may send to an agent, a row each, and what the agent must
    make of it.

    Frames are written as JSON, a line each, and sent as msgpack. `@` stands for `fill`, so
    many times.  */

#pragma once

#include "schemas/base.h"

typedef enum server_kind {
    HEAD,   /* bytes instead of the answer to the handshake */
    FRAMES, /* after the handshake */
    STREAM, /* after the handshake, a schema with the table notes, and an empty snapshot */
    BYTES,  /* after the handshake: frame heads and all */
} server_kind_t;

typedef struct server_row {
    const char *name;
    server_kind_t kind;
    const char *bytes;
    size_t size;
    const char *fill;
    size_t times;
    const char *reason; /* why it is left, as the log tells; NULL: it is not */
} server_row_t;

#define TEXT(text) (text), sizeof(text) - 1
#define SCHEMA(tables)                                                                         \
    "{\"type\":\"srv_schema\",\"epoch\":\"e\",\"serverLSN\":10,\"tables\":[" tables "]}"
#define TABLE(name, columns) "{\"name\":\"" name "\",\"columns\":[" columns "]}"
#define ID "{\"name\":\"id\",\"type\":\"TEXT\",\"key\":1}"
#define LIVE(last, changes)                                                                    \
    "{\"type\":\"srv_live_changes\",\"lastLSN\":" last ",\"last\":true,\"sequence\":{"         \
    "\"chunk\":1},\"changes\":[" changes "]}"
#define CHANGE(table, data)                                                                    \
    "{\"table\":\"" table "\",\"operation\":\"insert\",\"lsn\":11,\"data\":" data "}"
#define REFUSED "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"

// clang-format off
static const server_row_t server_rows[] = {
    /* instead of an upgrade */
    {"nothing", HEAD, TEXT(""), NULL, 0, "cannot reach"},
    {"no HTTP", HEAD, TEXT("SSH-2.0-OpenSSH_9.2\r\n\r\n"), NULL, 0, "cannot reach"},
    {"a refusal", HEAD, TEXT(REFUSED), NULL, 0, "HTTP 403"},
    {"a page", HEAD, TEXT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), NULL, 0, "HTTP 200"},
    {"another place, found", HEAD, TEXT("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:ELSEWHERE/x\r\nContent-Length: 0\r\n\r\n"), NULL, 0, "HTTP 302"},
    {"another place, for ever", HEAD, TEXT("HTTP/1.1 301 Moved\r\nLocation: ws://127.0.0.1:ELSEWHERE/x\r\nContent-Length: 0\r\n\r\n"), NULL, 0, "HTTP 301"},
    {"another place, for now", HEAD, TEXT("HTTP/1.1 307 Moved\r\nLocation: https://127.0.0.1:ELSEWHERE/x\r\nContent-Length: 0\r\n\r\n"), NULL, 0, "HTTP 307"},
    {"an upgrade with the wrong key", HEAD, TEXT("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n"), NULL, 0, "Accept hash wrong"},
    {"endless headers", HEAD, TEXT("HTTP/1.1 101 Switching Protocols\r\n@"), "X-Much: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", 20000, "cannot reach"},

    /* frames that are none */
    {"a compressed frame", BYTES, TEXT("\xc2\x01\xc0"), NULL, 0, "lost"},
    {"a frame of 64 MiB", BYTES, TEXT("\x82\x7f\0\0\0\0\4\0\0\0@"), "aaaaaaaaaaaaaaaa", 20000, "larger than"},
    {"a frame of 2^62 bytes", BYTES, TEXT("\x82\x7f\x40\0\0\0\0\0\0\0@"), "aaaaaaaaaaaaaaaa", 20000, "larger than"},
    {"text, and much more", BYTES, TEXT("\x81\x02{}\x82\x7f\0\0\0\0\1\0\0\0@"), "aaaaaaaaaaaaaaaa", 1000000, "it sent text"},
    {"text", BYTES, TEXT("\x81\x02{}"), NULL, 0, "it sent text"},
    {"no msgpack", BYTES, TEXT("\x82\x05\xdd\x01\0\0\0"), NULL, 0, "broke the protocol"},
    {"an unknown operation", BYTES, TEXT("\x83\x01\xc0"), NULL, 0, "lost"},
    {"deep maps", BYTES, TEXT("\x82\x7e\x03\xe9@\xc0"), "\x91", 1000, "broke the protocol"},

    /* messages */
    {"an unknown message", FRAMES, TEXT("{\"type\":\"srv_reformat\"}"), NULL, 0, NULL},
    {"a message of ours", FRAMES, TEXT("{\"type\":\"clt_heartbeat\",\"lsn\":1}"), NULL, 0, NULL},
    {"an error", FRAMES, TEXT("{\"type\":\"srv_error\",\"code\":\"x\",\"message\":\"y\"}"), NULL, 0, "refused a frame of ours"},
    {"a message without its fields", FRAMES, TEXT("{\"type\":\"srv_schema\"}"), NULL, 0, "broke the protocol"},
    {"an epoch of a megabyte", FRAMES, TEXT("{\"type\":\"srv_schema\",\"epoch\":\"@\",\"serverLSN\":1,\"tables\":[]}"), "aaaaaaaaaaaaaaaa", 65536, "epoch is longer"},
    {"an epoch of a megabyte for a new start", FRAMES, TEXT("{\"type\":\"srv_resync_required\",\"reason\":\"r\",\"epoch\":\"@\"}"), "aaaaaaaaaaaaaaaa", 65536, "epoch is longer"},
    {"a lease of a megabyte", FRAMES, TEXT("{\"type\":\"srv_schema\",\"epoch\":\"e\",\"serverLSN\":1,\"tables\":[],\"lease\":\"@\"}"), "aaaaaaaaaaaaaaaa", 65536, "lease is longer"},
    {"a thousand heartbeats", FRAMES, TEXT("@"), "{\"type\":\"srv_heartbeat\",\"lsn\":7}\n", 1000, NULL},
    {"a heartbeat from the end of time", FRAMES, TEXT("{\"type\":\"srv_heartbeat\",\"lsn\":9223372036854775807}"), NULL, 0, NULL},
    {"a verdict for nobody", FRAMES, TEXT("{\"type\":\"srv_changes_applied\",\"appliedChanges\":[\"x\"],\"success\":true,\"results\":[{\"id\":\"x\",\"verdict\":\"applied\"}]}"), NULL, 0, NULL},
    {"a verdict that is none", FRAMES, TEXT("{\"type\":\"srv_changes_applied\",\"appliedChanges\":[],\"success\":true,\"results\":[{\"id\":\"x\",\"verdict\":\"maybe\",\"row\":{\"id\":\"1\"}}]}"), NULL, 0, NULL},
    {"a receipt for nothing", FRAMES, TEXT("{\"type\":\"srv_changes_received\",\"changeIds\":[\"a\",\"b\"]}"), NULL, 0, NULL},

    /* tables */
    {"our own table", FRAMES, TEXT(SCHEMA(TABLE("local_changes", ID))), NULL, 0, "reserved"},
    {"our own table in capitals", FRAMES, TEXT(SCHEMA(TABLE("SYNC_STATE", ID))), NULL, 0, "reserved"},
    {"a table of SQLite", FRAMES, TEXT(SCHEMA(TABLE("sqlite_sequence", ID))), NULL, 0, "reserved"},
    {"a name with our prefix", FRAMES, TEXT(SCHEMA(TABLE("waybill_x", ID))), NULL, 0, "reserved"},
    {"a table without a name", FRAMES, TEXT(SCHEMA(TABLE("", ID))), NULL, 0, "reserved"},
    {"a table without columns", FRAMES, TEXT(SCHEMA(TABLE("empty", ""))), NULL, 0, "could not be applied"},
    {"SQL in a name", FRAMES, TEXT(SCHEMA(TABLE("x\\\"; DROP TABLE notes; --", ID))), NULL, 0, NULL},
    {"SQL in a type", FRAMES, TEXT(SCHEMA(TABLE("typed", ID ",{\"name\":\"c\",\"type\":\"TEXT); DROP TABLE notes; --\"}"))), NULL, 0, "no plain type"},
    {"a default in a type", FRAMES, TEXT(SCHEMA(TABLE("defaulted", ID ",{\"name\":\"c\",\"type\":\"TEXT DEFAULT 'x'\"}"))), NULL, 0, "no plain type"},
    {"three thousand columns", FRAMES, TEXT(SCHEMA(TABLE("wide", ID "@"))), ",{\"name\":\"c\",\"type\":\"TEXT\"}", 3000, "could not be applied"},
    {"the same column twice", FRAMES, TEXT(SCHEMA(TABLE("twice", ID "," ID))), NULL, 0, "could not be applied"},
    {"the application's table with another key", FRAMES, TEXT(SCHEMA(TABLE("notes", "{\"name\":\"other\",\"type\":\"TEXT\",\"key\":1}"))), NULL, 0, "make the table anew"},

    /* changes */
    {"a change of our own table", STREAM, TEXT(LIVE("11", CHANGE("local_changes", "{\"id\":\"1\"}"))), NULL, 0, "could not be applied"},
    {"a change of a table that is not there", STREAM, TEXT(LIVE("11", CHANGE("nothing", "{\"id\":\"1\"}"))), NULL, 0, "could not be applied"},
    {"a change without a key", STREAM, TEXT(LIVE("11", CHANGE("notes", "{\"title\":\"x\"}"))), NULL, 0, "could not be applied"},
    {"a change with an unknown column", STREAM, TEXT(LIVE("11", CHANGE("notes", "{\"id\":\"1\",\"x\\\" = 1; --\":2}"))), NULL, 0, "could not be applied"},
    {"a change that is no row", STREAM, TEXT(LIVE("11", CHANGE("notes", "7"))), NULL, 0, "broke the protocol"},
    {"a position that goes back", STREAM, TEXT(LIVE("3", "")), NULL, 0, NULL},
    {"a position of nothing", STREAM, TEXT(LIVE("0", CHANGE("notes", "{\"id\":\"1\",\"title\":\"x\"}"))), NULL, 0, NULL},
    {"a gap", STREAM, TEXT("{\"type\":\"srv_lsn_update\",\"lsn\":99,\"prevLSN\":98}"), NULL, 0, NULL},
    {"a page outside of a snapshot", STREAM, TEXT("{\"type\":\"srv_init_changes\",\"changes\":[],\"sequence\":{\"chunk\":1,\"table\":\"notes\"}}"), NULL, 0, "does not belong here"},
    {"a page of no table", FRAMES, TEXT(SCHEMA(TABLE("notes", ID)) "\n{\"type\":\"srv_init_start\",\"serverLSN\":10,\"epoch\":\"e\"}\n{\"type\":\"srv_init_changes\",\"changes\":[],\"sequence\":{\"chunk\":1}}"), NULL, 0, "could not be applied"},
    {"a snapshot's end without a start", STREAM, TEXT("{\"type\":\"srv_init_complete\",\"serverLSN\":99}"), NULL, 0, "does not belong here"},
    {"a snapshot that begins a thousand times", FRAMES, TEXT(SCHEMA(TABLE("notes", ID)) "\n@"), "{\"type\":\"srv_init_start\",\"serverLSN\":10,\"epoch\":\"e\"}\n", 1000, NULL},
};
// clang-format on
