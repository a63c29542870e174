/*  ipc_frame - the payloads that belong to a connection rather than to an actor.

    HELLO carries a map; CREDIT one number, up to which the other side may send; subscribe
    and BYE one text. docs/bus-protocol.md is the contract.  */

#pragma once

#include "bus/port.h"

enum {
    PEER_NAME_ROOM = 40,
    IPC_PAYLOAD_LIMIT = 1 << 20, /* a larger one is refused */
    IPC_FRAME_LIMIT = 16 << 20,  /* a larger one cuts the connection */
    IPC_PING_MS = 1000,          /* silence after which to ask */
    IPC_DEAD_MS = 5000,          /* silence that means gone */
    IPC_TYPES = 64               /* that a process may declare of a kind */
};

/*  Names of messages.  */
typedef struct type_list {
    size_t n;
    char names[IPC_TYPES][NAME_ROOM + 1];
} type_list_t;
bool type_list_has(const type_list_t *self, const char *type);

/*  next_seq is the number expected next from the other side; 0: we do not know you, say
    HELLO.  */
typedef struct hello {
    char name[PEER_NAME_ROOM + 1];
    uint64_t epoch;
    uint64_t next_seq;
    uint64_t pid;
    type_list_t takes; /* commands and requests that it handles; may be missing */
    type_list_t says;  /* events that it publishes; may be missing */
} hello_t;

/*  1 to PEER_NAME_ROOM of A-Z a-z 0-9 - _ and dot.  */
bool peer_name_valid(const char *name, size_t size);

blob_t *hello_pack(const hello_t *hello);
/*  ERR_MALFORMED, and fault names the field.  */
CHECKED err_t hello_unpack(bytes_t payload, hello_t *hello, fault_t *fault);

blob_t *number_pack(uint64_t number);
CHECKED err_t number_unpack(bytes_t payload, uint64_t *number);

blob_t *text_pack(const char *text);
/*  At most room - 1 printable characters.  */
CHECKED err_t text_unpack(bytes_t payload, char *text, size_t room);
