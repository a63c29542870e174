/*  upgrade - reads what a peer asks for before it is let in: the border of the server.  */

#pragma once

#include "runtime/net.h"

enum { CLIENT_ID_MAX = 128 };

/*  Who wants to connect, and where it stands.  */
typedef struct visitor {
    char client_id[CLIENT_ID_MAX + 1];
    char epoch[UUID_TEXT]; /* empty: it did not say */
    uint64_t lsn;
} visitor_t;

/*  Fills answer. Status 101: it may connect, and visitor is filled.  */
void upgrade_judge(const net_upgrade_t *upgrade, visitor_t *visitor, net_answer_t *answer);
