/*  chunks - stretches of a client's stream, put into frames.  */

#pragma once

#include "actors/server/session.h"

/*  A chunk that the session had pulled; asks for the next if there is room.  */
void chunks_send(session_t *session, ctx_t *ctx, const stream_chunk_t *pulled);
