/*  web_client - a client of the JSON encoding as a stranger would write it: a plain socket, and
    RFC 6455 by hand. What goes wrong ends the test.  */

#pragma once

#include "schemas/base.h"

#include <jansson.h>

typedef struct web_client web_client_t;

/*  What a plain request is answered, head and all; to be freed.  */
char *web_ask(const char *address, const char *method, const char *path);
/*  The same for a request of one's own, whole.  */
char *web_ask_whole(const char *address, const char *request);

/*  Connects to a path and its query.  */
web_client_t *web_client_new_at(const char *address, const char *target);
/*  The same to /api/sync, offering that sub-protocol (NULL: none).  */
web_client_t *web_client_new(const char *address, const char *query, const char *protocol);
void web_client_destroy(web_client_t **self);
void web_client_say(web_client_t *self, const char *format, ...) PRINTF_LIKE(2, 3);
/*  The next frame of that type (NULL: of any); what comes before it is passed over. To be
    released.  */
json_t *web_client_hear(web_client_t *self, const char *type);
/*  The code that the server closes with; frames before it are passed over.  */
int web_client_hear_close(web_client_t *self);
