/*  sessions - the sessions of a listener, found by number, connection or client.  */

#pragma once

#include "actors/server/session.h"

typedef struct sessions {
    session_t **items;
    size_t n, room;
    tally_t gone; /* of those that were removed */
} sessions_t;

session_t *sessions_add(sessions_t *self, uint64_t number, const visitor_t *visitor,
                        uint64_t now_ms);
/*  NULL if there is none. A closing session is found by its connection only.  */
session_t *sessions_numbered(const sessions_t *self, uint64_t number);
session_t *sessions_on(const sessions_t *self, conn_t conn);
session_t *sessions_of(const sessions_t *self, const char *client_id);
void sessions_remove(sessions_t *self, session_t *session);
/*  Forgets those that were accepted before that time and never opened.  */
void sessions_forget_absent(sessions_t *self, uint64_t before_ms);
/*  Of one user.  */
size_t sessions_count_of(const sessions_t *self, const char *user);
/*  Frames of all there were; and how many are open now.  */
tally_t sessions_tally(const sessions_t *self);
size_t sessions_count_open(const sessions_t *self);
void sessions_release(sessions_t *self);
