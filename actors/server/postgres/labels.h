/*  labels - whose the rows of a transaction are, on their way through the write-ahead log.

    Whoever applies changes of clients says so in the transaction itself, with a logical message
   in front of the rows: which client, which change, made when, to which row. The feed puts each
    label on the first row that has its table and key, and on that one alone: what a trigger of
    the application wrote to other rows, or to the same one afterwards, is news to its client
   too, and has none.  */

#pragma once

#include "schemas/base.h"

#define LABELS_PREFIX "waybill"

/*  Writes $1, what labels_pack() made, into the log. Any role may write such a message: in
   front is the token of waybill.identity, which only servers may read.  */
#define LABELS_SQL                                                                             \
    "SELECT pg_logical_emit_message(true, '" LABELS_PREFIX "', (SELECT convert_to(token, "     \
    "'UTF8') FROM waybill.identity WHERE one = 1) || $1::bytea)"

typedef struct label {
    const char *table;
    const char *key; /* as table_key_text() has it */
    const char *client_id;
    const char *change_id;
    int64_t updated_at;
} label_t;

/*  One message for any number of them: msgpack.  */
void labels_pack(const label_t *labels, size_t n, buffer_t *out);
/*  Labels live in arena. ERR_PROTOCOL: anybody may write a message into the log.  */
CHECKED err_t labels_unpack(bytes_t bytes, arena_t *arena, label_t **labels, size_t *n,
                            fault_t *fault);
