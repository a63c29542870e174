/*  presence - the clients that are connected, for people.  */

#pragma once

#include "actors/server/api.h"

/*  Answers the request; address is where the server listens.  */
void presence_tell(ctx_t *ctx, const api_facts_t *facts, const char *address,
                   const clients_get_t *request);
