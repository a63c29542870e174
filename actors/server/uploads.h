/*  uploads - changes that a client has sent, and what it is told about them.  */

#pragma once

#include "actors/server/session.h"

/*  Confirms them and has them judged. request is the name of their frame.  */
void uploads_take(session_t *session, ctx_t *ctx, const clt_send_changes_t *body,
                  const char *request);

/*  Rows that won against changes of a JSON client while it caught up wait until it is live:
    those that the catch-up has overtaken are dropped, the others are shown then. A snapshot
   that begins has every row.  */
void uploads_forget_held(session_t *session);
void uploads_overtake(session_t *session, const server_change_t *changes, size_t n);
void uploads_show_held(session_t *session, ctx_t *ctx);

/*  What was decided about them.  */
void uploads_answer(session_t *session, ctx_t *ctx, const client_verdicts_t *verdicts);
/*  Then nothing that this session has sent since will be decided, so that no later change of a
   row is applied before an earlier one: client-changes puts it off as well.  */
bool uploads_are_put_off(const client_verdicts_t *verdicts);
