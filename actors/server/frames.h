/*  frames - what a client sends, checked and acted on.  */

#pragma once

#include "actors/server/session.h"

/*  One frame. A bad one is answered with srv_error, one of an unknown type is ignored; the
    connection stays.  */
void frames_take(session_t *session, ctx_t *ctx, bytes_t frame, bool binary);
