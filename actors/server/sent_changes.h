/*  sent_changes - changes as clients have sent them: made whole, and called by the names that
    the clients know them by.

    Our own agents name each change. Clients of the JSON encoding name the row only.  */

#pragma once

#include "schemas/message.h"

typedef struct sender {
    const char *client_id;
    const char *message_id; /* of the frame; NULL: it has none */
    bool json;
    uint64_t position; /* that it has acknowledged */
    int64_t wall_ms;
    uint64_t chance; /* for a frame without a name */
} sender_t;

/*  Changes of one frame that wait for their verdicts.  */
typedef struct sent {
    struct sent *next;
    char *message_id; /* NULL: none */
    size_t n;
    struct sent_change {
        const char *id;     /* as the server calls it */
        const char *row_id; /* the name in lists of ids */
        const char *name;   /* the name in results */
        const char *table;
        bytes_t key; /* {id: value}, for a JSON client; may be empty */
        bool deletes;
    } * changes;
    arena_t arena;
} sent_t;

/*  Fills in what may be missing, id and updated_at, and for a JSON client base. The same frame
   sent again gets the same ids, so that its changes are known as duplicates; its content is in
   them too, because not every client gives each frame a name of its own. Lives in arena.  */
void sent_changes_complete(client_change_t *changes, size_t n, const sender_t *sender,
                           arena_t *arena);

/*  When a row says that it was written, in a column updated_at; or otherwise.  */
int64_t sent_changes_time(bytes_t row, int64_t otherwise);

/*  As the client calls them: named says which ones had an id of their own.  */
sent_t *sent_new(const client_change_t *changes, const bool *named, size_t n,
                 const sender_t *sender);
void sent_destroy(sent_t **self);
