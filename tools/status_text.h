/*  status_text - the status of an agent as a page for people.  */

#pragma once

#include "schemas/message.h"

/*  A sentence that says how things stand, the facts, and what a person could do about them.  */
void status_text(const status_t *status, bool coloured, buffer_t *out);
/*  The same of a server.  */
void status_text_server(const clients_list_t *server, bool coloured, buffer_t *out);
