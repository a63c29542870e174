/*  connection - what the parts of connection-manager share about the connection to the
    server; nobody else's.

    connection.c dials, loses and speaks; downlink.c takes in what the server sends, and
    receipts.c says what became of it; uplink.c carries local changes up; questions.c answers
    who asks for the status.  */

#pragma once

#include "actors/agent/position.h"
#include "actors/agent/states.h"
#include "actors/agent/text_set.h"
#include "runtime/net.h"
#include "schemas/wire.h"

enum { TIMER_RETRY = 1, TIMER_HEARTBEAT = 2, TIMER_QUESTION = 3, TIMER_MOVED = 4 };

/*  A frame that lsn-manager has and has not answered.  */
typedef struct under_way {
    uint64_t token;
    conn_t conn; /* it came on */
    message_id_t frame;
    uint64_t chunk;
    char *table; /* as it came; may be NULL */
} under_way_t;

typedef struct downlink {
    under_way_t *items;
    size_t n, room;
    uint64_t last; /* token */
    bool paused;
    uint64_t moved_from, moved; /* the position alone moved, not passed on yet; 0: none */
    bool filling;               /* a gap was found, and the server asked to fill it */
    uint64_t held;              /* server changes set aside */
    uint64_t progress_ms;       /* when something was applied last, or nothing was missing */
    char refusal[400]; /* why a stretch could not be applied; empty: none was refused */
} downlink_t;

typedef struct uplink {
    text_set_t sent;      /* change ids without a verdict on this connection */
    uint64_t after;       /* seq of the last one */
    bool fetching;        /* a batch was asked for */
    bool wanted;          /* there may be something to fetch */
    bool rewind;          /* start again from the first one, once none is under way */
    unsigned recording;   /* verdicts that recorder has not answered */
    uint64_t progress_ms; /* when something was last sent or decided */
    uint64_t pending, failed, parked; /* as recorder said last */
} uplink_t;

/*  Somebody wants to know the status.  */
typedef enum stage { STAGE_WAITING, STAGE_ASKED, STAGE_COUNTING } stage_t;

typedef struct question {
    uint64_t number;
    ticket_t ticket;
    stage_t stage;
} question_t;

typedef struct questions {
    question_t *items;
    size_t n, room;
    uint64_t last;
    bool asked;          /* the server was asked for its position and has not answered */
    uint64_t unanswered; /* heartbeats; the answers come in their order */
    uint64_t ahead;      /* of them, those sent before the question, and itself */
} questions_t;

typedef struct connection {
    state_t state;
    char reason[400]; /* why nothing moves */
    conn_t conn;      /* 0: none */
    bool open;
    uint64_t dials;       /* counts them */
    bool locating;        /* lsn-manager was asked where we stand, or keeps who we are */
    bool dial_waits;      /* for what is under way */
    size_t server;        /* number of the one that was dialled last */
    bool moves;           /* the next one comes next */
    unsigned lost;        /* servers that failed since the last wait */
    unsigned failures;    /* waits in a row */
    uint64_t retry_at_ms; /* monotonic; 0: not planned */
    uint64_t apart_ms;    /* since then there is no connection, if there is none */
    uint64_t heard_ms;
    uint64_t asked_us; /* when the oldest heartbeat that is unanswered went; 0: measured */

    position_t position; /* as committed */
    char server_epoch[EPOCH_ROOM];
    uint64_t server_lsn; /* newest heard on this connection */

    downlink_t down;
    uplink_t up;
    questions_t questions;
} connection_t;

/*  ----------------------------------------------------------------- connection.c  */

/*  Moves to the next state, tells everybody.  */
void connection_step(connection_t *self, ctx_t *ctx, event_t event);
/*  The address that was dialled last; in the round's arena.  */
const char *connection_server(const connection_t *self, ctx_t *ctx);
/*  Begins an attempt, as soon as nothing of the last connection is under way.  */
void connection_dial(connection_t *self, ctx_t *ctx);
void connection_dial_if_due(connection_t *self, ctx_t *ctx);
/*  Where we stand is known: goes on dialling.  */
void connection_locate(connection_t *self, ctx_t *ctx, const sync_response_t *response);
/*  The server gave a lease, or said that this database is a copy: that is written down before
    the next attempt.  */
void connection_keep_lease(connection_t *self, ctx_t *ctx, const char *lease);
void connection_change_identity(connection_t *self, ctx_t *ctx);
/*  Gives the connection up, and plans the next attempt: with the next server.  */
void connection_lose(connection_t *self, ctx_t *ctx, const char *format, ...) PRINTF_LIKE(3, 4);
/*  A stretch could not be applied: begins anew once no local change is on its way.  */
void connection_refuse(connection_t *self, ctx_t *ctx, const char *reason);
void connection_leave_if_refused(connection_t *self, ctx_t *ctx);
/*  Down until told otherwise.  */
void connection_stop(connection_t *self, ctx_t *ctx, const char *reason);
/*  One frame to the server.  */
void connection_tell(connection_t *self, ctx_t *ctx, message_id_t id, const void *body);
#define TELL(self, ctx, name, ...)                                                             \
    connection_tell(self, ctx, MSG_##name, &(name##_t){__VA_ARGS__})
/*  The heartbeat timer.  */
void connection_beat(connection_t *self, ctx_t *ctx);
/*  One heartbeat to the server.  */
void connection_tell_alive(connection_t *self, ctx_t *ctx);
/*  Fits a position that was heard from the server.  */
void connection_hear_position(connection_t *self, uint64_t lsn);
void connection_release(connection_t *self);

/*  ------------------------------------------------------------------- downlink.c  */

void downlink_take(connection_t *self, ctx_t *ctx, const wire_t *wire);
void downlink_answer(connection_t *self, ctx_t *ctx, uint64_t token,
                     const changes_applied_t *applied);
void downlink_fail(connection_t *self, ctx_t *ctx, uint64_t token, const char *text);
/*  Passes on that the position has moved, which may wait for more.  */
void downlink_pass_moved(connection_t *self, ctx_t *ctx);
/*  What is said to the server about a frame of this connection.  */
void downlink_judge(connection_t *self, ctx_t *ctx, const under_way_t *frame,
                    const changes_applied_t *applied);
/*  The connection is gone; what is under way stays so.  */
void downlink_reset(connection_t *self);
void downlink_release(connection_t *self);

/*  --------------------------------------------------------------------- uplink.c  */

/*  Fetches if there may be something, and room.  */
void uplink_pump(connection_t *self, ctx_t *ctx);
void uplink_hear_dirty(connection_t *self, ctx_t *ctx, const outbox_dirty_t *hint, bool retry);
void uplink_send(connection_t *self, ctx_t *ctx, const outbox_batch_t *batch);
void uplink_take_verdicts(connection_t *self, ctx_t *ctx, const srv_changes_applied_t *frame);
void uplink_note_recorded(connection_t *self, ctx_t *ctx, const verdicts_recorded_t *recorded);
void uplink_note_counts(connection_t *self, const verdicts_recorded_t *counts);
/*  Nothing is sent, asked for or being recorded.  */
bool uplink_is_at_rest(const connection_t *self);
/*  Changes are sent, and no verdict has come for so long.  */
bool uplink_is_stuck(const connection_t *self, uint64_t now_ms, uint64_t limit_ms);
void uplink_reset(connection_t *self);
void uplink_release(connection_t *self);

/*  ------------------------------------------------------------------ questions.c  */

void questions_add(connection_t *self, ctx_t *ctx, bool fresh);
/*  The server has told its position.  */
void questions_hear_server(connection_t *self, ctx_t *ctx);
/*  It will not, in time.  */
void questions_give_up(connection_t *self, ctx_t *ctx);
/*  Recorder has counted.  */
void questions_answer(connection_t *self, ctx_t *ctx, uint64_t number);
status_t questions_status(const connection_t *self, ctx_t *ctx);
/*  Answers why a change is where it is.  */
void questions_tell_why(const connection_t *self, ctx_t *ctx, const upload_why_t *question);
void questions_release(connection_t *self);
