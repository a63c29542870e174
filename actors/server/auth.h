/*  auth - who a bearer token belongs to: a file of tokens, or tokens signed by somebody
    else (JWT, HS256 or RS256).

    With nothing configured everybody is the user "". With something configured, a token
    that is missing, unknown, expired or signed in another way than was agreed lets nobody in;
    and a file that cannot be read, is empty or has a line that makes no sense lets nobody
    start.  */

#pragma once

#include "actors/settings.h"

enum { USER_MAX = 128 };

typedef struct auth auth_t;

typedef struct identity {
    char user[USER_MAX + 1]; /* empty: users are not known */
    int64_t expires_ms;      /* wall clock; 0: never */
} identity_t;

/*  ERR_CONFIG names the file and what is wrong with it, never what is in it.  */
CHECKED err_t auth_open(const settings_t *settings, auth_t **self, fault_t *fault);
void auth_close(auth_t **self);
bool auth_is_on(const auth_t *self);

/*  True if the token is good now. *why, otherwise, is for our log: nothing of it goes to the
    peer.  */
bool auth_judge(const auth_t *self, const char *token, int64_t wall_ms, identity_t *identity,
                const char **why);
