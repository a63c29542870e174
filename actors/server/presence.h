/*  presence - the clients that are connected, for people.  */

#pragma once

#include "actors/server/sessions.h"

/*  Fills in the clients and their count; of list, lsn is known already. The texts are the
    sessions', the rest lives until the end of the round.  */
void presence_list(const sessions_t *sessions, ctx_t *ctx, bool brief, clients_list_t *list);
