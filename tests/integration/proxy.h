/*  proxy - a connection between an agent and a server that behaves as the test says: a thread
    of the test that hands bytes on.  */

#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef enum mood {
    MOOD_HONEST,
    MOOD_BYTES,  /* every byte by itself */
    MOOD_SILENT, /* takes everything and hands nothing on; connections stay open */
    MOOD_CUT,    /* hands some bytes on, ends in the middle of a frame, and connects anew */
} mood_t;

typedef struct proxy proxy_t;

/*  Listens on a free port, for that server: HOST:PORT.  */
proxy_t *proxy_new(const char *server);
void proxy_destroy(proxy_t **self);
const char *proxy_address(const proxy_t *self);
void proxy_set(proxy_t *self, mood_t mood);
/*  Connections so far.  */
size_t proxy_connections(const proxy_t *self);
