/*  upgrade - reads what a peer asks for before it is let in: the border of the server.  */

#pragma once

#include "actors/server/auth.h"
#include "runtime/net.h"

enum { CLIENT_ID_MAX = 128, TOKEN_MAX = 4095, PEER_ROOM = 64 };

/*  What is told over plain HTTP.  */
typedef enum page {
    PAGE_NONE,
    PAGE_HEALTH,
    PAGE_INIT,
    PAGE_LSN,
    PAGE_STATUS,
    PAGE_CLIENTS,
    PAGE_METRICS,
    PAGE_COUNT
} page_t;

/*  Who wants to connect, and where it stands; or which page it wants.  */
typedef struct visitor {
    page_t page;
    bool json; /* its frames are JSON texts */
    char client_id[CLIENT_ID_MAX + 1];
    char peer[PEER_ROOM];  /* its address */
    char epoch[UUID_TEXT]; /* empty: it did not say */
    uint64_t lsn;
    bool leased; /* it knows of leases */
    char lease[UUID_TEXT];
    identity_t identity;
    char token[TOKEN_MAX + 1]; /* a secret: judged again while it is connected */
} visitor_t;

/*  The bearer token of a request: from its header, or else from its query. False if there is
    one that makes no sense.  */
bool upgrade_token(const net_upgrade_t *upgrade, char token[TOKEN_MAX + 1]);

/*  Fills answer. Status 101: it may connect, and visitor is filled. 200: visitor says which
    page it is to be given.  */
void upgrade_judge(const net_upgrade_t *upgrade, visitor_t *visitor, net_answer_t *answer);

/*  Whether a browser's page may come from there. origins has blanks between them; where it is
    empty any may, and so may whoever names none, which no browser does.  */
bool upgrade_allows(const char *origins, const char *origin);
