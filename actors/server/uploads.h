/*  uploads - changes that a client has sent, and what it is told about them.  */

#pragma once

#include "actors/server/session.h"

/*  Confirms them and has them judged. request is the name of their frame.  */
void uploads_take(session_t *session, ctx_t *ctx, const clt_send_changes_t *body,
                  const char *request);

/*  What was decided about them.  */
void uploads_answer(session_t *session, ctx_t *ctx, const client_verdicts_t *verdicts);
