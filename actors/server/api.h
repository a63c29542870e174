/*  api - what the listener tells over plain HTTP: its position, its clients, its counts.  */

#pragma once

#include "actors/server/sessions.h"

/*  What the listener knows when it is asked: it answers at once, and asks nobody.  */
typedef struct api_facts {
    const sessions_t *sessions;
    bool head_known; /* else the server is still starting */
    uint64_t head;
    char epoch[UUID_TEXT]; /* that it belongs to */
    uint64_t advances;     /* times that the head has moved */
    uint64_t up_ms;        /* since the start */
    uint64_t refused;      /* requests that were answered with an error */
    char trouble[512];     /* why the database is not followed; empty: it is */
    int64_t trouble_since;
    bool reading; /* clients must wait until it was read in */
} api_facts_t;

/*  The server's position is this, or beyond it.  */
void api_note_head(api_facts_t *self, uint64_t lsn);
/*  The history that it belongs to: another one, whose positions begin anew, after the database
    was put back.  */
void api_note_epoch(api_facts_t *self, const char *epoch);
void api_note_database(api_facts_t *self, const database_state_t *state);
/*  Fills answer; its text lives in arena.  */
void api_answer(page_t page, const api_facts_t *facts, arena_t *arena, net_answer_t *answer);
