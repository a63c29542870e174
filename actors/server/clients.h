/*  clients - which user each client id belongs to: the first who used it.  */

#pragma once

#include "actors/common/db.h"

/*  ERR_PERMISSION_DENIED if it belongs to another user. Everybody may be the user "", who is
    there only where users are not known.  */
CHECKED err_t clients_check(db_t *db, const char *client_id, const char *user, fault_t *fault);
/*  The same, inside a transaction that writes; an id that belongs to nobody belongs to this
    user afterwards.  */
CHECKED err_t clients_claim(db_t *db, const char *client_id, const char *user, int64_t wall_ms,
                            fault_t *fault);
